package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
	"github.com/pullgate/pullgate/test/e2e/tour"
)

// TestTour checks what `make demo` shows, and that the README shows the same.
func TestTour(t *testing.T) {
	t.Parallel()
	r := rigtest.Start(t, root, rig.Options{})
	if err := tour.Prepare(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	walker := tour.Walker{Rig: r}
	printed := map[string]string{}
	stable := stableNames(r.Lab)
	for _, step := range tour.Steps(r.Lab) {
		report, err := walker.Run(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range report.Faults {
			t.Errorf("%s\n$ %s\n%s%s\n%s", step.Title, step.Command(), step.Stdin, report.Result.Output, fault)
		}
		printed[stable.Replace(step.Typed())] = stable.Replace(report.Result.Output)
	}
	file := filepath.Join(root, "README.md")
	compare(t, file, retold(t, file, printed))
}

// TestChecks checks what `make demo` shows before there is a cluster.
func TestChecks(t *testing.T) {
	t.Parallel()
	binaries := rigtest.Binaries(t, root)
	registries, err := lab.Start(t.Context(), lab.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := registries.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, check := range tour.Checks(registries) {
		faults, err := check.Run(t.Context(), binaries.Pullgate, nil)
		if err != nil || len(faults) > 0 {
			t.Errorf("%s: %v, %v", check.Title, faults, err)
		}
	}
}

// The README's session stands between these.
const sessionStart, sessionEnd = "```console\n", "```\n"

// retold is a file with what the commands of its session print.
func retold(t *testing.T, file string, printed map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(text), sessionStart)
	session, after, closed := strings.Cut(rest, sessionEnd)
	if !opened || !closed || len(commands(session)) == 0 {
		t.Fatalf("%s has no session of commands in a block of type console", file)
	}
	var told []string
	for _, typed := range commands(session) {
		output, ok := printed[typed]
		if !ok {
			t.Errorf("%s: the demo has no such command:\n%s", file, typed)
		}
		told = append(told, "$ "+typed+output)
	}
	return before + sessionStart + strings.Join(told, "\n") + sessionEnd + after
}

// commands are those of a session, each with the manifest that is typed with
// it.
func commands(session string) []string {
	var found []string
	manifest := false
	for line := range strings.Lines(session) {
		command, starts := strings.CutPrefix(line, "$ ")
		switch {
		case manifest:
			found[len(found)-1] += line
			manifest = line != "EOF\n"
		case starts:
			found = append(found, command)
			manifest = strings.HasSuffix(line, "<<'EOF'\n")
		}
	}
	return found
}
