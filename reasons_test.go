package pullgate_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

var update = flag.Bool("update", false, "write the documentation anew")

const (
	reasonsPage  = "docs/reasons.md"
	reasonsBegin = "<!-- reasons: made by `go test . -run Reasons -update` -->\n"
	reasonsEnd   = "<!-- end of reasons -->"
)

// TestReasonsDocumented keeps docs/reasons.md equal to the catalogue.
func TestReasonsDocumented(t *testing.T) {
	text, err := os.ReadFile(reasonsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), reasonsBegin)
	now, after, closed := strings.Cut(rest, reasonsEnd)
	if !found || !closed {
		t.Fatalf("%s has no place for the reasons", reasonsPage)
	}
	want := documented(pull.Standard())
	if *update {
		if err := os.WriteFile(reasonsPage, []byte(before+reasonsBegin+want+reasonsEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if now != want {
		t.Errorf("%s differs from the catalogue: run `go test . -run Reasons -update`", reasonsPage)
	}
}

// TestATrialReasonIsDocumented: an entry is all that the documentation needs.
func TestATrialReasonIsDocumented(t *testing.T) {
	catalogue := pull.Standard()
	catalogue.Reasons = append(catalogue.Reasons, pull.Entry{Reason: "Trial", Verdict: pull.Broken, Mild: true, Meaning: "It is tried.", Help: "Try it.", More: "Once."})
	page := documented(catalogue)
	for _, want := range []string{"### Trial\n\nIt is tried. Once. `enforce` warns of it.\n\nTry it.\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
}

// documented is what the page says of a catalogue: one heading for each reason.
func documented(catalogue pull.Catalogue) string {
	var page strings.Builder
	verdicts := pull.Verdicts()
	slices.Reverse(verdicts)
	for _, verdict := range verdicts {
		fmt.Fprintf(&page, "\n## %s\n", verdict)
		for _, entry := range catalogue.With(verdict) {
			meaning := join(entry.Meaning, entry.More)
			if entry.Mild {
				meaning += " `enforce` warns of it."
			}
			section(&page, string(entry.Reason), meaning, entry.Help)
		}
	}
	page.WriteString("\n## notes\n")
	for _, note := range catalogue.Notes {
		section(&page, string(note.Reason), join(note.Meaning, note.More), note.Help)
	}
	return page.String() + "\n"
}

func section(page *strings.Builder, name, meaning, help string) {
	fmt.Fprintf(page, "\n### %s\n\n%s\n", name, meaning)
	if help != "" {
		fmt.Fprintf(page, "\n%s\n", help)
	}
}

func join(texts ...string) string {
	return strings.TrimSpace(strings.Join(texts, " "))
}
