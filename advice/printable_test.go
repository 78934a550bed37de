package advice

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"tag not found":              "tag not found",
		"two\nlines\tand more":       "two lines and more",
		"red \x1b[31m and \u009b31m": "red [31m and 31m",
		"\u202egnp.exe and \u2066b":  "gnp.exe and b",
		"größer \u2192 grösser":      "größer \u2192 grösser",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q came out as %q, want %q", text, got, want)
		}
	}
}
