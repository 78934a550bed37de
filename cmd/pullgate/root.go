package main

import (
	"fmt"
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
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noNegativeTimes(cmd) },
		RunE:              onlyCommands,
		SilenceUsage:      true,
		SilenceErrors:     true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &hintedError{err: err, hint: fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())}
	})
	root.AddCommand(newServe(), newCheck(), newAudit(), newExplain(), newDoctor(), newNodeProfile(), newConfig(), newVersion())
	return root
}
