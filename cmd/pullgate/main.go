package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes, as the contract has them.
const (
	exitFound  = 1 // something that was asked for was found
	exitFailed = 1 // serving failed
	exitUsage  = 2 // wrong usage, or input that cannot be read
)

func main() { os.Exit(start()) }

// start runs the program's own command line until a signal ends it, the second
// one at once.
func start() int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	root, args := newRoot(), os.Args[1:]
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case pluginName:
		root = asPlugin(root)
	case completionName:
		root, args = asPlugin(root), append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	return run(ctx, root, args)
}

// run executes a command line and returns the exit code.
func run(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var hinted *hintedError
	var failed *failedError
	var code exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code) // what there is to say has been said
	case errors.As(err, &hinted):
		root.PrintErrf("error: %v\nhint: %s\n", hinted.err, hinted.hint)
	default:
		root.PrintErrf("error: %v\n", err)
	}
	if errors.As(err, &failed) {
		return exitFailed
	}
	return exitUsage
}

// failedError is a failure that no other command line or input would have
// prevented.
type failedError struct{ err error }

func (e *failedError) Error() string { return e.err.Error() }
func (e *failedError) Unwrap() error { return e.err }

// hintedError is an error with a thing to do about it.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// exitError is an exit code other than that for wrong usage.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
