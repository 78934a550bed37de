package policy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMatchGlob(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "ghcr.io/acme/app:1@sha256:0", true},
		{"team-*", "team-a", true},
		{"team-*", "team-", true},
		{"team-*", "a-team-b", false},
		{"*-system", "kube-system", true},
		{"*-system", "kube-systems", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"?", "", false},
		{"?", "a", true},
		{"?", "é", true},
		{"??", "é", false},
		{"*?", "é", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{`\*`, "*", false},
		{"a.c", "abc", false},
		{"Team", "team", false},
	}
	for _, test := range tests {
		if got := matchGlob(test.pattern, test.text); got != test.want {
			t.Errorf("matchGlob(%q, %q) = %t", test.pattern, test.text, got)
		}
	}
}

// simpleGlob says what a glob means in the fewest words, and may take forever.
func simpleGlob(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	if pattern[0] == '*' {
		return simpleGlob(pattern[1:], text) || text != "" && simpleGlob(pattern, text[width(text):])
	}
	if text == "" {
		return false
	}
	if pattern[0] == '?' {
		return simpleGlob(pattern[1:], text[width(text):])
	}
	return pattern[0] == text[0] && simpleGlob(pattern[1:], text[1:])
}

func FuzzMatchGlob(f *testing.F) {
	f.Add("a*b?c*", "aXXbYcZ")
	f.Add("*?é", "aéé")
	f.Add("**", "")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 12 || len(text) > 16 || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return // the simple one would take too long, and API servers send valid text alone
		}
		if got, want := matchGlob(pattern, text), simpleGlob(pattern, text); got != want {
			t.Errorf("matchGlob(%q, %q) = %t", pattern, text, got)
		}
	})
}

// A glob that makes a backtracking matcher take ages ends.
func TestMatchGlobEnds(t *testing.T) {
	if matchGlob(hardGlob()) {
		t.Error("matched")
	}
}

// hardGlob has so many ways to match but for its end that nobody can try them.
func hardGlob() (pattern, text string) {
	return strings.Repeat("a*", 500) + "b", strings.Repeat("a", 5000)
}

func BenchmarkMatchGlob(b *testing.B) {
	pattern, text := hardGlob()
	for b.Loop() {
		matchGlob(pattern, text)
	}
}
