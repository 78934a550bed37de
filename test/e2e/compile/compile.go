// Package compile runs `go build`, also behind something else, and shows how far
// it is.
package compile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
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

// Build is one build and how far it is.
type Build struct {
	// Out is where Wait shows how far it is.
	Out *screen.Screen
	// Name is for people.
	Name string
	// Typical is how long it takes on 2 cores with nothing built before, and Memo
	// a file that keeps how long it took, for the next time; it counts the
	// packages that are to be compiled.
	Typical time.Duration
	Memo    string
	// Dir is where go runs; empty: here. Env is added to its environment.
	Dir string
	Env []string
	// Args are what follows `go build`.
	Args []string

	start time.Time
	ended chan error

	mu                          sync.Mutex
	total, downloaded, compiled int
	errors                      bytes.Buffer
}

// Start starts the build, which says nothing until Wait is called. It ends with
// the context.
func (b *Build) Start(ctx context.Context) {
	b.start, b.ended = time.Now(), make(chan error, 1)
	go func() {
		err := b.countStale(ctx)
		if err == nil {
			err = b.command(ctx, append([]string{"build", "-v"}, b.Args...), io.Discard)
		}
		b.ended <- err
	}()
}

// Wait shows how far the build is until it has ended.
func (b *Build) Wait() error {
	err := b.show()
	took := time.Since(b.start)
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", b.Name, err, b.errors.String())
	}
	if b.compiled > 0 {
		b.Out.Line(screen.Green, "Built %s: %d packages in %s", b.Name, b.compiled, screen.Took(took))
	}
	return b.note(took)
}

// countStale finds out how many packages have to be compiled, and fetches the
// modules that it takes.
func (b *Build) countStale(ctx context.Context) error {
	args := []string{"list", "-deps", "-f", "{{if .Stale}}x{{end}}"}
	rest := b.Args
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
	return nil
}

// command runs go and follows what it says.
func (b *Build) command(ctx context.Context, args []string, stdout io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are the user's own
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Dir, cmd.Env = b.Dir, append(os.Environ(), b.Env...)
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
func (b *Build) follow(line string) {
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

// show writes how far the build is until it has ended.
func (b *Build) show() error {
	pause := tick
	if !b.Out.Live {
		pause = beat
	}
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case err := <-b.ended:
			b.Out.Clear()
			return err
		case <-ticker.C:
			b.state()
		}
	}
}

func (b *Build) state() {
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
	if b.Out.Live {
		b.Out.Over("Building %s: %s, %s%s", b.Name, doing, elapsed, b.expected())
		return
	}
	b.Out.Line(screen.Plain, "Building %s: %s, %s%s", b.Name, doing, elapsed, b.expected())
}

// expected says how long the build may take, from the last time or, on a
// machine where there was none, from experience.
func (b *Build) expected() string {
	if memo, err := os.ReadFile(b.Memo); err == nil {
		return fmt.Sprintf(" (all of it took %s last time)", strings.TrimSpace(string(memo)))
	}
	if b.Typical > 0 {
		return fmt.Sprintf(" (about %s on 2 cores the first time)", screen.Took(b.Typical))
	}
	return ""
}

func (b *Build) note(took time.Duration) error {
	if b.Memo == "" || b.compiled < worthNoting {
		return nil
	}
	return os.WriteFile(b.Memo, []byte(screen.Took(took)+"\n"), 0o600)
}
