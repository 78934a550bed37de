package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// onTerminal runs the program with standard output and error on a terminal of
// so many columns, and returns what came there.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, "pullgate"), args...)
	cmd.Env = append([]string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "TERM=xterm"}, env...)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close() //nolint:errcheck // it was only read
	var out bytes.Buffer
	_, _ = out.ReadFrom(terminal) // it ends with an error when the program does
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

// TestTerminal: colour and width are for terminals, as the user wants them.
func TestTerminal(t *testing.T) {
	registries := startLab(t, lab.Options{})
	args := []string{"check", "--image", registries.Open.Ref("shop/web:1.99")}
	coloured := onTerminal(t, 72, nil, args...)
	if !strings.Contains(coloured, "\x1b[1;31mbroken\x1b[0m") || !strings.Contains(coloured, "\x1b[36mhint: ") {
		t.Errorf("no colours on a terminal:\n%q", coloured)
	}
	for name, env := range map[string]string{"NO_COLOR": "NO_COLOR=1", "a dumb terminal": "TERM=dumb"} {
		if plain := onTerminal(t, 72, []string{env}, args...); strings.Contains(plain, "\x1b") || !strings.Contains(plain, "broken") {
			t.Errorf("%s: colours:\n%q", name, plain)
		}
	}
	for _, line := range strings.Split(onTerminal(t, 72, []string{"NO_COLOR=1"}, args...), "\n") {
		if len(line) > 72 && strings.Count(strings.TrimSpace(line), " ") > 1 {
			t.Errorf("%d columns on a terminal of 72: %q", len(line), line)
		}
	}
	if wide := onTerminal(t, 72, []string{"NO_COLOR=1", "COLUMNS=300"}, args...); !strings.Contains(wide, "manifest unknown), asked without credentials\n") {
		t.Errorf("COLUMNS is not respected:\n%s", wide)
	}
	if json := onTerminal(t, 72, nil, append(args, "-o", "json")...); strings.Contains(json, "\x1b") {
		t.Errorf("colours in JSON:\n%q", json)
	}
}

// TestProgress: a check that lasts says how far it is, and takes it away.
func TestProgress(t *testing.T) {
	registries := startLab(t, lab.Options{Latency: 500 * time.Millisecond})
	args := []string{"check"}
	for i := range 20 {
		args = append(args, "--image", registries.Open.Ref(fmt.Sprintf("shop/worker-%02d:1.0", i)))
	}
	args = append(args, "--image", registries.Open.Ref("shop/web:1.99"))
	out := onTerminal(t, 120, []string{"NO_COLOR=1"}, args...)
	for _, want := range []string{"[......", " of 21 images, ", "; slowest: " + registries.Open.Host + " (", "\r\x1b[K"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the progress:\n%q", want, out)
		}
	}
	last := out[strings.LastIndex(out, "\x1b[K")+len("\x1b[K"):]
	if !strings.HasPrefix(last, "broken ") {
		t.Errorf("the report does not begin on a clean line:\n%q", last)
	}
	if quick := onTerminal(t, 120, []string{"NO_COLOR=1"}, "check", "--image", "Bad/Name"); strings.Contains(quick, "of 1 images") {
		t.Errorf("progress of a check that does not last:\n%q", quick)
	}
}
