package pull

import (
	"fmt"
	"strings"
	"testing"
)

func TestFlaws(t *testing.T) {
	for _, test := range []struct {
		username, password string
		want               Flaws
	}{
		{"bob", "s3cret", 0}, {"bob", "s3 cret", 0}, {"org+robot", "a$b{c}", 0}, {"bob", `it's"fine`, 0},
		{"bob", "s3cret\n", SpaceAtEnds}, {" bob", "s3cret", SpaceAtEnds}, {"bob", "s3cret\u00a0", SpaceAtEnds},
		{"bob", `"s3cret"`, QuotesAtEnds}, {"'bob'", "s3cret", QuotesAtEnds}, {"bob", "\"s3cret\"\n", SpaceAtEnds | QuotesAtEnds},
		{"bob", "${PASSWORD}", Unfilled}, {"{{ .user }}", "s3cret", Unfilled}, {"bob", "<password>", Unfilled},
		{"bob", "changeme", Unfilled}, {"bob", "vault:secret/data/x#y", Unfilled}, {"bob", "ENC[AES256_GCM,data:x]", Unfilled},
	} {
		credential := NewCredential(Secret("shop", "a"), test.username, test.password)
		if got := credential.Flaws(); got != test.want {
			t.Errorf("%q: got %b, want %b", test.password, got, test.want)
		}
		if text := fmt.Sprintf("%v %+v %#v", credential, credential, credential); strings.Contains(text, "s3cret") {
			t.Errorf("it prints %s", text)
		}
	}
	if got := NewCredential(Source{}, "bob", "p").With(AuthDiffers).Flaws(); got != AuthDiffers {
		t.Errorf("got %b", got)
	}
}
