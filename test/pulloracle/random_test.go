package pulloracle

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

var random = flag.String("random", "testdata/random.json", "what a containerd did with random scenarios")

// TestRandom compares Pullgate with what a real containerd did with scenarios that
// nobody thought of. None is denied that either path pulls; and what is called
// pullable, layers included, fails for what nobody looks at before.
func TestRandom(t *testing.T) {
	t.Parallel()
	file, err := golden.Read(*random)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := recordedRandoms(t, file)
	for _, layers := range []bool{false, true} {
		t.Run(fmt.Sprintf("layers %t", layers), func(t *testing.T) {
			t.Parallel()
			said, _ := verdictsOf(t, scenarios, lab.Start, nodesOf(file.Platform, containerd()), layers)
			counts := map[string]int{}
			for _, s := range scenarios {
				record, v := file.Records[s.Name], said[s.Name]
				how := compareRandom(record, v.reason)
				counts[how]++
				if how == falseDenial || how == missed && layers && !slices.ContainsFunc(record.Texts(), unread().MatchString) {
					t.Errorf("%s (%s): %s: we say %s: %s\n\tnode: %s", s.Name, s.About, how, v.reason, v.message, strings.Join(record.Texts(), " | "))
				}
			}
			t.Logf("of %d: %v", len(said), counts)
		})
	}
}

// recordedRandoms draws what was recorded again.
func recordedRandoms(t *testing.T, file golden.File) []scenario.Scenario {
	t.Helper()
	var scenarios []scenario.Scenario
	for name, record := range file.Records {
		seed, err := strconv.ParseUint(strings.TrimPrefix(name, "random-"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s := scenario.Random(seed)
		store, err := content.New(s.Holds, s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if recipe, err := golden.Recipe(s, store.Digests()); err != nil || recipe != record.Recipe {
			t.Fatalf("%s has changed since it was pulled (%v): run make oracle", name, err)
		}
		scenarios = append(scenarios, s)
	}
	slices.SortFunc(scenarios, func(a, b scenario.Scenario) int { return strings.Compare(a.Name, b.Name) })
	return scenarios
}

// compareRandom puts a verdict beside what a node did.
func compareRandom(record golden.Record, reason pull.Reason) string {
	return compareEnds(record.Pulled(), slices.ContainsFunc(record.Texts(), trouble().MatchString), reason.Verdict())
}

// unread is what containerd says of what Pullgate does not look at, or nobody
// can tell: what is inside of layers, who can decode them, addresses besides the
// registry's, and features of the operating system, which older ones overlook.
func unread() *regexp.Regexp {
	return regexp.MustCompile(`failed to extract layer|wrong diff id|no processor for media-type|"http://\{closed\}/|no match for platform`)
}
