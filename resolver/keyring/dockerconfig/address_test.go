package dockerconfig

import "testing"

// FuzzPlain makes sure that an address that is read the short way reads as a URL
// does.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		"", "/", ":", "a", "a/b", "a:5000/b", "a:/b", "a:b/c", "*.a/b", "a..b/", "[::1]:5/a", "a/%41", "a@b/c", "a?b", "a#b", "a:1:2", "-", "_/_", "A.b/C",
		"a/../b", "a//b", "a:99999999999/b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parsePlain(text)
		if !ok {
			return
		}
		if want, err := parseURL(text); err != nil || got != want {
			t.Errorf("%q: %+v, want %+v, %v", text, got, want, err)
		}
	})
}
