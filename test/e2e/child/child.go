// Package child runs the programs of a test as child processes that end, and
// whose folder goes away, whatever ends the test: a return, a panic in any
// goroutine, Ctrl-C, a closed terminal or SIGKILL.
package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// tailLines is how much of a log is shown when its program failed.
const tailLines = 25

// Spec says what to run.
type Spec struct {
	// Name is for messages; it also names the log file.
	Name string
	// Path is the program.
	Path string
	Args []string
	// Env is added to the environment.
	Env []string
}

// Child is a running program. What it prints goes to a log file.
type Child struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{}
}

// Start runs a program in the keeper's folder.
func (k *Keeper) Start(spec Spec) (*Child, error) {
	c := &Child{name: spec.Name, log: filepath.Join(k.Dir, spec.Name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }()            // the program has its own handle
	c.cmd = exec.Command(spec.Path, spec.Args...) //nolint:gosec,noctx // what to run is the caller's; Stop ends it
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = k.Dir, log, log
	c.cmd.Env = append(os.Environ(), spec.Env...)
	c.cmd.SysProcAttr = attributes()
	if err := c.run(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return c, k.watch(c.cmd.Process.Pid)
}

// run starts the program and waits for it on a thread that lives as long as
// the program does: Linux sends the parent-death signal when the thread that
// started the child ends, not the process.
func (c *Child) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait() // how it ended is asked of ProcessState
			close(c.done)
		}
	}()
	return <-started
}

// Done is closed when the program has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// PID is the number of the process.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Signal sends a signal to the program and to whatever it started.
func (c *Child) Signal(signal syscall.Signal) error { return syscall.Kill(-c.PID(), signal) }

// Stop asks the program to end, kills it after the grace period, and returns
// when it is gone. Without a grace period it is killed at once.
func (c *Child) Stop(grace time.Duration) {
	if grace > 0 {
		_ = c.Signal(syscall.SIGTERM) // it may be gone already, which is what is wanted
		select {
		case <-c.done:
			return
		case <-time.After(grace):
		}
	}
	_ = c.Signal(syscall.SIGKILL)
	<-c.done
}

// Log returns what the program has printed so far.
func (c *Child) Log() string {
	log, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(log)
}

// Failure is the error for a program that ended, or did not come up, with the
// end of what it printed.
func (c *Child) Failure(what string) error {
	state := "is still running"
	select {
	case <-c.done:
		state = "ended: " + c.cmd.ProcessState.String()
	default:
	}
	return fmt.Errorf("%s %s (%s); its last lines were:\n%s", c.name, what, state, tail(c.Log()))
}

func tail(log string) string {
	lines := strings.Split(string(bytes.TrimSpace([]byte(log))), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return "    " + strings.Join(lines, "\n    ")
}
