package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// onlyCommands is for commands that only hold others.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return &hintedError{
		err:  fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()),
		hint: fmt.Sprintf("`%s --help` lists the commands", cmd.CommandPath()),
	}
}

// exactArgs checks the number of arguments, and says what is expected.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		err := fmt.Errorf("%s: %s expected, got %d arguments", cmd.CommandPath(), what, len(args))
		if n == 0 {
			err = fmt.Errorf("%s takes no arguments, got %q", cmd.CommandPath(), strings.Join(args, " "))
		}
		return &hintedError{err: err, hint: fmt.Sprintf("`%s --help` has examples", cmd.CommandPath())}
	}
}

// noNegativeTimes refuses a DURATION that is less than nothing.
func noNegativeTimes(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if given := flag.Value.String(); flag.Value.Type() == "duration" && strings.HasPrefix(given, "-") {
			err = &hintedError{err: fmt.Errorf("--%s %s is negative", flag.Name, given), hint: "write how long, such as 30s or 2m"}
		}
	})
	return err
}

// within ends what is done when the time of --timeout is over; 0: never.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("--timeout %s is over", timeout))
}

// names spells a closed set.
func names[T ~string](set []T) []string {
	var all []string
	for _, one := range set {
		all = append(all, string(one))
	}
	return all
}

// noManifestArgs says how manifests are named.
func noManifestArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &hintedError{
		err:  fmt.Errorf("%s takes no arguments, got %q", cmd.CommandPath(), args[0]),
		hint: fmt.Sprintf("name manifests with -f and images with --image: `%s -f %s`", cmd.CommandPath(), args[0]),
	}
}
