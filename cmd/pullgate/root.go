package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// pluginName is the program's when it is a plugin of kubectl, which runs it by
// this name.
const pluginName = "kubectl-pullgate"

// completionName is the program's when kubectl asks it how to complete the
// plugin's arguments (k8s.io/kubectl pkg/cmd/plugin/plugin_completion.go).
const completionName = "kubectl_complete-pullgate"

// asPlugin makes the command line speak of itself as kubectl's users type it.
func asPlugin(root *cobra.Command) *cobra.Command {
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl pullgate"}
	for _, cmd := range root.Commands() {
		cmd.Example = strings.ReplaceAll(cmd.Example, "pullgate "+cmd.Name(), "kubectl pullgate "+cmd.Name())
	}
	return root
}

// newRoot returns the command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pullgate",
		Short: "Refuse images that no node could pull, before a Pod hangs in ImagePullBackOff",
		Long: `Pullgate finds every image in a Pod or a pod template, works out the
credentials as the kubelet would, asks the registry as containerd would, and
says before the deploy whether nodes can pull it.`,
		Args:          cobra.ArbitraryArgs,
		RunE:          onlyCommands,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &hintedError{err: err, hint: fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())}
	})
	root.AddCommand(newServe(), newCheck(), newExplain(), newConfig(), newVersion())
	return root
}

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

// newVersion returns `pullgate version`.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  pullgate version",
		Args:    exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "pullgate %s (%s, %s/%s)\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// version is linked in by -ldflags "-X main.version=…".
var version string

// buildVersion returns the version that was linked in, else the module's.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
