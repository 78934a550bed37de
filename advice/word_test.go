package advice

import (
	"os/exec"
	"testing"
)

func TestWord(t *testing.T) {
	for _, text := range []string{
		"", "web-7d9c", "registry.example:5000/shop/web@sha256:0", "x; echo no", "$(echo no)", "`echo no`", "it's", "two\nlines", `back\slash`, "*", "~",
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+Word(text)).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q became %q: %q, %v", text, Word(text), out, err)
		}
	}
	if got := Word("registry.example:5000/shop/web:1.0"); got != "registry.example:5000/shop/web:1.0" {
		t.Errorf("an image became %s", got)
	}
}
