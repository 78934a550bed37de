package callers

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzToken: nobody comes in by what no API server has signed, whatever it is.
func FuzzToken(f *testing.F) {
	s, foreign := newServer(f), newServer(f)
	good := s.token(map[string]any{"sub": named})
	parts := strings.Split(good, ".")
	for _, shown := range []string{
		"", "Bearer ", "Bearer x.y.z", "Bearer " + foreign.token(map[string]any{"sub": named}), "Bearer eyJhbGciOiJub25lIn0." + parts[1] + ".", "Bearer " + parts[0] + "." + parts[1] + ".",
		"Bearer eyJhbGciOiJIUzI1NiJ9." + parts[1] + "." + parts[2], "Bearer ..", "Basic " + good, "Bearer " + good + ".x", "Bearer " + good[1:],
	} {
		f.Add(shown)
	}
	tokens := &Tokens{Audience: audience, Configuration: "pullgate", Users: []string{named}}
	tokens.From(f.Context(), s.URL, http.DefaultTransport)
	ask, passed := door(&Callers{Tokens: tokens})
	if code := ask(with("Bearer " + good)); code != http.StatusOK || *passed != 1 {
		f.Fatalf("the right one is answered %d", code)
	}
	f.Fuzz(func(t *testing.T, shown string) {
		if strings.Contains(shown, good) {
			return
		}
		if code := ask(with(shown)); code != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", shown, code)
		}
	})
}
