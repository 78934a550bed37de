package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// running is a check under way.
type running struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *bufio.Reader
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(filepath.Join(binDir, "pullgate"), append([]string{"check"}, args...)...)}
	r.cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stderr = bufio.NewReader(stderr)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() }) // where the test failed
	return r
}

func (r *running) signal(t *testing.T, number os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(number); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end and fails unless it has a code.
func (r *running) ends(t *testing.T, code int) (stderr string) {
	t.Helper()
	text, err := io.ReadAll(r.stderr)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // the code tells
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d: %s", got, code, text)
	}
	return string(text)
}

// reads waits until the program reads its standard input: it then has taken
// more than a pipe holds.
func (r *running) reads(t *testing.T) {
	t.Helper()
	if _, err := r.stdin.Write([]byte(strings.Repeat("# what a chart renders to\n", 10_000))); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptWhileReading: neither standard input that goes on nor a base
// that does not answer keeps a check from ending.
func TestInterruptWhileReading(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() //nolint:errcheck // nobody is answered
	dir := t.TempDir()
	base := fmt.Sprintf("resources: ['http://%s/base.yaml']\n", silent.Addr())
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		wait func(*running)
	}{
		"standard input": {[]string{"-f", "-"}, func(r *running) { r.reads(t) }},
		"a base": {[]string{"-k", dir}, func(*running) {
			if _, err := silent.Accept(); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for number, code := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
			report := filepath.Join(t.TempDir(), "report")
			r := start(t, append(test.args, "-o", "text="+report)...)
			test.wait(r)
			r.signal(t, number)
			stderr := r.ends(t, code)
			if text, err := os.ReadFile(report); err != nil || !strings.Contains(string(text), " before anything was checked") || !strings.Contains(stderr, "warning: interrupted by SIG") {
				t.Errorf("%s, %v: the report is %q, %v, and it was said %q", name, number, text, err, stderr)
			}
		}
	}
}

// TestInterruptWhileAsking: what is known by then is reported.
func TestInterruptWhileAsking(t *testing.T) {
	registries := startLab(t, lab.Options{})
	file := filepath.Join(t.TempDir(), "report.json")
	r := start(t, "--image", "Not A Name", "--image", registries.Faulty.Ref("fault/silent:1"), "-o", "json="+file)
	for registries.Faulty.Count("", "/v2/fault/silent") == 0 {
		if err := r.cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Fatalf("the registry was not asked: %v", err)
		}
	}
	r.signal(t, os.Interrupt)
	r.ends(t, 130)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Interrupted string
		Results     []struct{ Image, Reason string }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != 1 || report.Results[0].Reason != "InvalidImageName" || report.Interrupted != "interrupted by SIGINT when 1 of 2 images were checked" {
		t.Errorf("the report is %+v", report)
	}
}

// TestInterruptTwice: a second signal ends what the first one could not, here a
// report that nobody takes.
func TestInterruptTwice(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "report")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "-f", "-", "-o", "text="+fifo)
	r.reads(t)
	r.signal(t, os.Interrupt)
	if line, err := r.stderr.ReadString('\n'); err != nil || !strings.HasPrefix(line, "warning: interrupted by SIGINT") {
		t.Fatalf("it said %q, %v", line, err)
	}
	r.signal(t, syscall.SIGTERM)
	r.ends(t, 143)
}
