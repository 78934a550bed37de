package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
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
	return execute(ctx, root, args)
}

// execute runs a command line and returns the exit code.
func execute(ctx context.Context, root *cobra.Command, args []string) int {
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
