// Command progress runs `go build` and shows how far it is:
//
//	progress -name "the local Kubernetes" -typical 5m -memo FILE -- go build ARGS
//
// It counts the packages that are to be compiled, and remembers in FILE how
// long they took, for the next time.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pullgate/pullgate/test/e2e/screen"
)

const (
	// tick is how often the line on a terminal is written anew.
	tick = 200 * time.Millisecond
	// beat is how often a log gets a line.
	beat = 30 * time.Second
	// worthNoting is how many packages make a build that says something about
	// the next one.
	worthNoting = 200
)

func main() {
	b := build{out: screen.New(os.Stderr)}
	flag.StringVar(&b.name, "name", "the program", "what is being built")
	flag.DurationVar(&b.typical, "typical", 0, "how long that takes on 2 cores with nothing built before")
	flag.StringVar(&b.memo, "memo", "", "file that keeps how long it took")
	flag.Parse()
	b.args = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// build is one build and how far it is.
type build struct {
	out     *screen.Screen
	name    string
	typical time.Duration
	memo    string
	args    []string

	total int
	start time.Time

	mu                   sync.Mutex
	downloaded, compiled int
	errors               bytes.Buffer
}

func (b *build) run(ctx context.Context) error {
	if len(b.args) < 2 || b.args[0] != "go" || b.args[1] != "build" {
		return errors.New("what is to be run must be `go build …`, after --")
	}
	b.start = time.Now()
	stopShowing := b.show()
	err := b.countStale(ctx)
	if err == nil {
		err = b.command(ctx, append([]string{"build", "-v"}, b.args[2:]...), io.Discard)
	}
	stopShowing()
	took := time.Since(b.start)
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", b.name, err, b.errors.String())
	}
	if b.compiled > 0 {
		b.out.Line(screen.Green, "Built %s: %d packages in %s", b.name, b.compiled, screen.Took(took))
	}
	return b.note(took)
}

// countStale finds out how many packages have to be compiled, and fetches the
// modules that it takes.
func (b *build) countStale(ctx context.Context) error {
	args := []string{"list", "-deps", "-f", "{{if .Stale}}x{{end}}"}
	rest := b.args[2:]
	if at := slices.Index(rest, "-o"); at >= 0 && at+1 < len(rest) {
		rest = slices.Delete(slices.Clone(rest), at, at+2)
	}
	var list bytes.Buffer
	if err := b.command(ctx, append(args, rest...), &list); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total = strings.Count(list.String(), "x")
	if b.total > 0 && !b.out.Live {
		b.out.Line(screen.Plain, "Building %s: %d packages%s", b.name, b.total, b.expected())
	}
	return nil
}

// command runs go and follows what it says.
func (b *build) command(ctx context.Context, args []string, stdout io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are the user's own
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdout = stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		b.follow(lines.Text())
	}
	return errors.Join(lines.Err(), cmd.Wait())
}

// follow counts what go says that it does: it downloads a module, or compiles
// a package, whose name then stands alone in its line.
func (b *build) follow(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		b.downloaded++
	case strings.HasPrefix(line, "#") || strings.ContainsAny(line, " \t"):
		b.errors.WriteString(line + "\n")
	default:
		b.compiled++
	}
}

// show writes how far the build is until the function that it returns is
// called.
func (b *build) show() (stop func()) {
	pause := tick
	if !b.out.Live {
		pause = beat
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				b.out.Clear()
				return
			case <-ticker.C:
				b.state()
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (b *build) state() {
	b.mu.Lock()
	defer b.mu.Unlock()
	elapsed := time.Since(b.start).Round(time.Second)
	doing := "looking what is there already"
	switch {
	case b.total > 0 && b.compiled >= b.total:
		doing = "linking"
	case b.total > 0:
		doing = fmt.Sprintf("%d of %d packages", b.compiled, b.total)
	case b.downloaded > 0:
		doing = fmt.Sprintf("%d modules fetched", b.downloaded)
	}
	if b.out.Live {
		b.out.Over("Building %s: %s, %s%s", b.name, doing, elapsed, b.expected())
		return
	}
	b.out.Line(screen.Plain, "Building %s: %s, %s", b.name, doing, elapsed)
}

// expected says how long the build may take, from the last time or, on a
// machine where there was none, from experience.
func (b *build) expected() string {
	if memo, err := os.ReadFile(b.memo); err == nil {
		return fmt.Sprintf(" (all of it took %s last time)", strings.TrimSpace(string(memo)))
	}
	if b.typical > 0 {
		return fmt.Sprintf(" (about %s on 2 cores the first time)", screen.Took(b.typical))
	}
	return ""
}

func (b *build) note(took time.Duration) error {
	if b.memo == "" || b.compiled < worthNoting {
		return nil
	}
	return os.WriteFile(b.memo, []byte(screen.Took(took)+"\n"), 0o600)
}
