package cloud

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzAnswers: whatever a cloud's token endpoint gives, it is a credential, or an
// error that says no more of it than the two fields of an OAuth error.
func FuzzAnswers(f *testing.F) {
	for _, said := range []string{
		"", "{}", `{"error":"invalid_client","error_description":"no"}`, `{"error":1}`, `[` + marker + `]`, "QVdTOnBhc3M=", "QVdT", "OhBn", "!" + marker, `{"error":"a\nb"}`, `{"refresh_token":"` + marker + `"}`,
	} {
		f.Add(said)
	}
	now := time.Now()
	f.Fuzz(func(t *testing.T, said string) {
		credential, _, err := ecrCredential(&said, &now)
		if err == nil && credential.IsAnonymous() {
			t.Errorf("%q is nobody's credential", said)
		}
		if err != nil && len(said) > 8 && strings.Contains(err.Error(), said) {
			t.Errorf("the error tells %q", err)
		}
		text := (&failure{acrAdvice, refusal("400 Bad Request", []byte(said))}).Error()
		if strings.ContainsAny(text, "\n\r") || !utf8.ValidString(text) || len(text) > len(acrAdvice)+2+maxReason {
			t.Errorf("the error is %q", text)
		}
	})
}
