//go:build linux

package chaos

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const (
	pageFile  = root + "/docs/performance.md"
	pageBegin = "<!-- faults: made by `make chaos UPDATE=1` -->\n"
	pageEnd   = "<!-- end of faults -->\n"
)

// TestMain knows the flag that writes what was found out into the documentation.
func TestMain(m *testing.M) {
	flag.Bool("update", false, "write what came of the faults into the documentation")
	os.Exit(m.Run())
}

// TestPage holds the documentation to the faults that TestChaos brings.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), pageBegin)
	rows, _, ended := strings.Cut(rest, pageEnd)
	if !found || !ended {
		t.Fatalf("%s has no table of faults", pageFile)
	}
	for _, f := range (&chaos{registry: &saboteur{}}).faults() {
		if !strings.Contains(rows, "\n"+f.row()) {
			t.Errorf("the documentation lacks %q: run `make chaos UPDATE=1`", f.row())
		}
	}
}

// row is the part of a line of the table that does not change from run to run.
func (f fault) row() string {
	metric := f.metric
	if len(f.labels) > 0 {
		metric += "{" + strings.Join(f.labels, ",") + "}"
	}
	return fmt.Sprintf("| %s | `%s` | %s |", f.name, metric, f.sees)
}

// record writes what came of the faults into the documentation, if that is wanted.
func (c *chaos) record(t *testing.T) {
	t.Helper()
	if t.Failed() || flag.Lookup("update").Value.String() != "true" {
		return
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%d admissions under `Ignore` and `Fail` in %s, %d of them `unknown` with a warning; none denied, missing or late.\n\n", c.sent.Load(), time.Since(c.began).Round(time.Minute), c.warned.Load())
	table.WriteString("| fault | seen by | users see | admissions | with a warning | over after |\n|---|---|---|---|---|---|\n")
	for _, f := range c.faults() {
		came := c.seen[f.name]
		fmt.Fprintf(&table, "%s %d | %d | %.1f s |\n", f.row(), came.admissions, came.warned, came.recovered.Seconds())
	}
	text, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), pageBegin)
	_, after, ended := strings.Cut(rest, pageEnd)
	if !ended {
		t.Fatalf("%s has no place for the table", pageFile)
	}
	if err := os.WriteFile(pageFile, []byte(before+pageBegin+table.String()+pageEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
