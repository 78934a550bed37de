package explain

import (
	"os"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestGuide: what the field's guides tell of is found in the docs by its own
// words, and each cause by its name, with what a real kubelet said.
func TestGuide(t *testing.T) {
	page := read(t, "../docs/causes.md")
	for _, heading := range []string{
		"A wrong repository name", "A wrong or unqualified image name", "An invalid or missing tag", "A registry that is not accessible", "No permission",
		"The three steps",
	} {
		if !strings.Contains(page, "\n## "+heading) {
			t.Errorf("there is no heading %q", heading)
		}
	}
	for _, words := range []string{"does not exist or no pull access", "manifest … not found", "authorization failed", "tips"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	table := read(t, "../docs/explain.md")
	for _, entry := range Causes() {
		if name := "[" + string(entry.Cause) + "]`"; !strings.Contains(table, name) {
			t.Errorf("docs/explain.md does not have %s", entry.Cause)
		}
		if !strings.Contains(page, "["+string(entry.Cause)+"]: ") && entry.Cause != NotStarted { // of which no kubelet says anything
			t.Errorf("docs/causes.md does not show %s", entry.Cause)
		}
	}
	reasons := read(t, "../docs/reasons.md")
	for _, entry := range pull.Standard().Reasons {
		if !strings.Contains(reasons, "\n### "+string(entry.Reason)+"\n") {
			t.Errorf("docs/reasons.md has no heading %s", entry.Reason)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
