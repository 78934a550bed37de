package answers

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullgate/pullgate/resolver/pull"
)

// FuzzLine makes sure that nothing from outside breaks a message's line.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"", "a\nb", "\x1b[31mred", "\u202eabc", "\xff\xfe", strings.Repeat("ü", 400), "tab\tand\u2028line", "https://a:b@c?d=e&scope=f: g"} {
		f.Add(text, 10)
		f.Add(text, maxDetail)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 2*MaxNode)
		got := Line(text, limit)
		if len(got) > limit+len("…") || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\u2028\u202e\x00") {
			t.Errorf("%q", got)
		}
		if again := Line(got, limit+len("…")); again != got {
			t.Errorf("%q is not %q", again, got)
		}
	})
}

// FuzzRegistryError makes sure that a registry's words are words.
func FuzzRegistryError(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", `{"errors":[{"code":"DENIED","message":"no"}]}`, `{"errors":[{"code":7}]}`, `{"errors":{}}`, `{"errors":[]}`,
		`{"details":"incorrect username or password"}`, `{"error":"invalid_grant","error_description":"bad\npassword"}`, "<html><body>Please log in to the network.</body></html>",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, message := Error(body)
		for _, text := range []string{code, message, InWords(body)} {
			if text != OneLine(text) && len(text) < maxDetail {
				t.Errorf("%q is not one line", text)
			}
		}
	})
}

// TestLineHasNoKeys of URLs, which are the registry's.
func TestLineHasNoKeys(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"to https://auth.example/token?scope=repository%3Aapp%3Apull&service=x: 401", "to https://auth.example/token?scope=repository%3Aapp%3Apull&service=x: 401"},
		{"to https://cdn.example/b?X-Sig=ab%3D&Expires=9: 403 Forbidden", "to https://cdn.example/b?X-Sig=[REDACTED]&Expires=[REDACTED]: 403 Forbidden"},
		{`Get "https://me:hunter22@auth.example:1/t?key=hunter22": EOF`, `Get "https://auth.example:1/t?key=[REDACTED]": EOF`},
		{`parse "https://me:p@ss@h/%zz?k=%zz": no`, `parse "https://h/%zz?k=[REDACTED]": no`},
		{`Get "https://h/t?scope=%5BREDACTED%5D&k=%5BREDACTED%5D": EOF`, `Get "https://h/t?scope=%5BREDACTED%5D&k=%5BREDACTED%5D": EOF`},
		{"see https://h/docs, or mail me@example.com: a=b?", "see https://h/docs, or mail me@example.com: a=b?"},
	} {
		if got := OneLine(tt.text); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestWithout makes sure that no beginning of a secret survives either.
func TestWithout(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"nothing of it", "nothing of it"},
		{"it is hunter22.", "it is [REDACTED]."},
		{"hunter22hunter22", "[REDACTED][REDACTED]"},
		{"it is hunter2…", "it is …"},
		{"it is hunt…", "it is …"},
		{"it is hunt", "it is hunt"},
		{"it is hun…", "it is hun…"},
	} {
		if got := without(tt.text, []string{"hunter22"}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// FuzzWithout makes sure that no secret survives, cut off or not.
func FuzzWithout(f *testing.F) {
	f.Add("the password is hunter22", "hunter22")
	f.Add("Basic "+"dXNlcjpodW50ZXIyMg==", "hunter22")
	f.Add(strings.Repeat("x", maxDetail-4)+"hunter22", "hunter22")
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < minSecret || overlapping(secret) {
			return
		}
		credential := pull.NewCredential(pull.Secret("ns", "name"), "user", secret)
		got := Redact(pull.Finding{Detail: OneLine(text), Node: OneLine(text)}, credential)
		if strings.Contains(got.Detail, secret) {
			t.Errorf("%q has %q", got.Detail, secret)
		}
	})
}

// overlapping tells whether taking a secret out can put it together anew.
func overlapping(secret string) bool {
	return strings.ContainsAny(secret, "[]REDACTD…")
}
