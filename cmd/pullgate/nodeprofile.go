package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pullgate/pullgate/nodeprofile"
)

// nodeProfileOptions are the flags of `pullgate node-profile`.
type nodeProfileOptions struct {
	root, version, output string
	nodes, share          []string
	publication           publication
}

// newNodeProfile returns `pullgate node-profile`.
func newNodeProfile() *cobra.Command {
	var o nodeProfileOptions
	cmd := &cobra.Command{
		Use:   "node-profile",
		Short: "Print what a node's own settings make of its pulls",
		Long: `Print what a node's own settings make of its pulls: runtime, mirrors, CAs,
proxies, the kubelet's settings, and for which registries the node has
credentials. It reads files alone, on the node or in a copy of its file system,
and prints one profile for nodes.profiles of the configuration. It prints no
user name, password, token or key.

What cannot be read is listed as problems in the profile, and said on standard
error.

With --publish it prints none, but keeps it where pullgate serve takes it up, in
one of these ConfigMaps, which have to be there: one for each distinct profile,
with the names of the nodes that have it. It writes what has changed alone. That
is how the chart's DaemonSet runs it (nodeProfile.enabled).`,
		Example: `  # on a node
  sudo pullgate node-profile --node $(hostname) > profile.yaml

  # in a Pod that has the node's file system at /host, without proxies and fingerprints
  pullgate node-profile --root /host --share mirrors,authorities,credentials`,
		Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.root, "root", "/", "`DIR` of the node's file system")
	flags.StringSliceVar(&o.nodes, "node", nil, "`GLOB` of the names of the nodes that have this profile; may be repeated; default: any")
	flags.StringVar(&o.version, "runtime-version", "", "`VERSION` of the container runtime, which no file tells: it decides by which path containerd pulls")
	flags.StringSliceVar(&o.share, "share", names(nodeprofile.Shares()), "`PARTS` of the profile that may be known outside the node; the others are left out")
	flags.StringVarP(&o.output, "output", "o", "yaml", "`FORMAT`: yaml")
	o.publication.register(flags)
	_ = cmd.RegisterFlagCompletionFunc("share", cobra.FixedCompletions(names(nodeprofile.Shares()), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// run reads, and prints or publishes.
func (o *nodeProfileOptions) run(ctx context.Context, out, complaints io.Writer) error {
	if o.output != "yaml" {
		return notOneOf("--output", o.output, []string{"yaml"})
	}
	var shared []nodeprofile.Share
	for _, part := range o.share {
		if !slices.Contains(nodeprofile.Shares(), nodeprofile.Share(part)) {
			return notOneOf("--share", part, names(nodeprofile.Shares()))
		}
		shared = append(shared, nodeprofile.Share(part))
	}
	if info, err := os.Stat(o.root); err != nil || !info.IsDir() {
		return &hintedError{err: fmt.Errorf("--root %s is no folder", o.root), hint: "name the folder that is / for the node"}
	}
	if len(o.publication.names) > 0 {
		return o.publication.run(ctx, complaints, o.nodes, func() (*nodeprofile.Profile, error) { return o.read(shared) })
	}
	profile, err := o.read(shared)
	if err != nil {
		return err
	}
	for _, problem := range profile.Problems {
		if _, err := fmt.Fprintf(complaints, "warning: %s\n", problem); err != nil {
			return err
		}
	}
	text, err := profile.YAML()
	if err != nil {
		return fmt.Errorf("node profile: %w", err)
	}
	_, err = out.Write(text)
	return err
}

// read reads the profile of what may be shared.
func (o *nodeProfileOptions) read(shared []nodeprofile.Share) (*nodeprofile.Profile, error) {
	profile := nodeprofile.Read(o.root, o.version)
	if profile.Runtime.Name == "" {
		return nil, &hintedError{
			err:  fmt.Errorf("%s has neither containerd's nor CRI-O's configuration", o.root),
			hint: "run it on a node, or name the node's file system with --root",
		}
	}
	profile.Nodes = o.nodes
	profile.Keep(shared)
	return profile, nil
}
