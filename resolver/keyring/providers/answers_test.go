package providers

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// TestProviderAnswersAreKept: for what and how long the answer says.
func TestProviderAnswersAreKept(t *testing.T) {
	const first, sibling, elsewhere = "a.io/x", "a.io/y", "b.io/x"
	tests := map[string]struct {
		answer, duration string
		// calls are those after asking for the three, twice each.
		calls, afterAnHour int
	}{
		"image":                     {answer("Image", "30m", "*.io"), "0s", 3, 6},
		"registry":                  {answer("Registry", "30m", "*.io"), "0s", 2, 4},
		"global":                    {answer("Global", "30m", "*.io"), "0s", 1, 2},
		"by default":                {answer("Global", "", "*.io"), "30m", 1, 2},
		"longer than the default":   {answer("Global", "2h", "*.io"), "30m", 1, 1},
		"not at all":                {answer("Global", "0s", "*.io"), "30m", 6, 12},
		"not at all by default":     {answer("Global", "", "*.io"), "0s", 6, 12},
		"a duration below nothing":  {answer("Global", "-1s", "*.io"), "30m", 6, 12},
		"an answer without entries": {answer("Global", "30m"), "0s", 1, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			node := install(t, plugin{name: "p", match: "*.io", answer: test.answer, duration: test.duration})
			now := time.Now()
			node.providers[0].answers = newAnswers(func() time.Time { return now })
			ask := func(want int) {
				t.Helper()
				for _, repository := range []string{first, first, sibling, sibling, elsewhere, elsewhere} {
					if _, err := node.Lookup(t.Context(), nil, repository); err != nil {
						t.Fatal(err)
					}
				}
				if got := len(node.called(t)); got != want {
					t.Errorf("%d calls, want %d", got, want)
				}
			}
			ask(test.calls)
			now = now.Add(time.Hour)
			ask(test.afterAnHour)
		})
	}
}

// TestProvidersAnew: what is kept does not count, and what comes takes its place.
func TestProvidersAnew(t *testing.T) {
	node := install(t, plugin{name: "p", match: "*.io", answer: answer("Image", "1h", "*.io"), duration: "0s"})
	config := &NodeConfig{}
	sources := []keyring.NodeSource{config, node.Plugins}
	again := keyring.Anew(sources)
	if again[0] != keyring.NodeSource(config) || sources[1] != keyring.NodeSource(node.Plugins) {
		t.Error("Anew touches what remembers nothing, or the sources themselves")
	}
	for i, source := range []keyring.NodeSource{node, again[1], again[1], node} {
		if _, err := source.Lookup(t.Context(), nil, "a.io/x"); err != nil {
			t.Fatal(err)
		}
		if got, want := len(node.called(t)), []int{1, 2, 3, 3}[i]; got != want {
			t.Errorf("after look-up %d there were %d calls, want %d", i, got, want)
		}
	}
}

// TestAnswersAreBounded: however many repositories are asked for, and however
// long the answers are.
func TestAnswersAreBounded(t *testing.T) {
	large := strings.Repeat("p", maxOutput)
	tests := map[string]struct {
		output string
		want   int
	}{
		"by number": {`{"cacheKeyType":"Image"}`, maxAnswers},
		"by bytes":  {`{"cacheKeyType":"Image","auth":{"quay.io":{"password":"` + large + `"}}}`, maxAnswersBytes/maxOutput - 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			said := new(response)
			if err := json.Unmarshal([]byte(test.output), said); err != nil {
				t.Fatal(err)
			}
			all := newAnswers(time.Now)
			for i := range maxAnswers + 10 {
				if err := all.put(identity{}.whose, fmt.Sprintf("quay.io/%d", i), said, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if got := all.kept.Len(); got != test.want {
				t.Errorf("%d answers are kept, want %d", got, test.want)
			}
		})
	}
}
