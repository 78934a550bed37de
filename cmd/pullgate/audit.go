package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/audit"
	"github.com/pullgate/pullgate/check"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/wiring"
)

// auditOptions are the flags of `pullgate audit`.
type auditOptions struct {
	all                          bool
	namespace, config, failOn    string
	kubeconfig, context, kubectl string
	outputs                      []string
}

// auditFormats are those of a check, but for annotations of a pull request, and
// the list of images in use.
func auditFormats() []report.Format {
	formats := slices.DeleteFunc(report.Formats(), func(f report.Format) bool { return f == report.GitHub })
	return append(formats, report.Images)
}

// newAudit returns `pullgate audit`.
func newAudit() *cobra.Command {
	o := auditOptions{kubectl: "kubectl"}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Look at every workload of a cluster, once",
		Long: `Look at every workload of a cluster, once, as admission would if it were
created now: those of all kinds with pod templates, CronJobs and those with no
replicas too, and Pods that no checked controller made.

What is broken comes with when it will hurt. At the end a table says for each
namespace what mode enforce would have refused, and how to turn it on where that
is nothing. Everything is read with your own rights; what may not be read is
said.

The exit code is 0 if there is nothing that --fail-on names, 1 if there is, and
2 for wrong usage or a cluster that cannot be read.`,
		Example: `  # the whole cluster; one namespace
  pullgate audit -A
  pullgate audit -n shop

  # with the webhook's own configuration, as a page
  kubectl get configmap pullgate -n pullgate-system -o 'jsonpath={.data.config\.yaml}' > pullgate.yaml
  pullgate audit -A --config pullgate.yaml -o html=audit.html

  # the images that a registry's retention must spare, be some broken or not
  pullgate audit -A -o images --fail-on never`,
		Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.register(cmd)
	return cmd
}

func (o *auditOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVarP(&o.all, "all-namespaces", "A", false, "look at all namespaces")
	flags.StringVarP(&o.namespace, "namespace", "n", "", "`NAMESPACE` to look at; default: that of the context")
	flags.StringVar(&o.config, "config", "", "configuration `FILE`, as for serve; default: the defaults")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `FILE`; default: kubectl's")
	flags.StringVar(&o.context, "context", "", "`CONTEXT` of the kubeconfig; default: the current one")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "`FORMAT[=FILE]`: text, json, sarif, junit, html or images; may be repeated, with one to standard output; default: text")
	flags.StringVar(&o.failOn, "fail-on", string(check.OnBroken), "exit with 1 for what is `broken|unknown|never`: what admission would deny, what is broken or unknown, nothing")
	for flag, values := range map[string][]string{"output": names(auditFormats()), "fail-on": names(check.FailOns())} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flags exist
	}
}

// run looks, writes the reports, and returns what decides the exit code.
func (o *auditOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	if o.all && o.namespace != "" {
		return &hintedError{err: errors.New("--all-namespaces and --namespace exclude each other"), hint: "leave one of them out"}
	}
	if !slices.Contains(check.FailOns(), check.FailOn(o.failOn)) {
		return notOneOf("--fail-on", o.failOn, names(check.FailOns()))
	}
	configuration, err := readConfiguration(o.config)
	if err != nil {
		return err
	}
	outputs, err := openOutputs(o.outputs, auditFormats(), stdout)
	if err != nil {
		return err
	}
	say := &complaints{out: stderr}
	live, err := dialCluster(ctx, o.kubeconfig, o.context, say)
	if err != nil {
		return err
	}
	if o.context != "" {
		o.kubectl += " --context " + o.context
	}
	written, err := o.audit(ctx, configuration, live, stderr)
	if by, interrupted := interruptionOf(ctx); interrupted {
		say.warn(by.Error() + ": nothing is reported")
		return by.code()
	}
	if err != nil {
		return err
	}
	if err := outputs.write(written); err != nil {
		return err
	}
	return auditVerdict(written)
}

// auditVerdict is the exit code of a report.
func auditVerdict(written *report.Report) error {
	switch {
	case len(written.Problems) > 0:
		return exitError(exitUsage)
	case written.Summary.Failed > 0:
		return exitError(exitFound)
	default:
		return nil
	}
}

// audit reads the cluster, asks and reports. It asks as the webhook does: the
// credentials of whoever runs it are not the nodes'.
func (o *auditOptions) audit(ctx context.Context, configuration policy.Configuration, live *liveCluster, stderr io.Writer) (*report.Report, error) {
	var once *check.OnceProber
	in := wiring.Dependencies{
		Profiles: live.profiles(ctx, configuration.Nodes.ProfilesNamespace),
		Secrets:  live.source(), Tokens: live.tokens(), Patience: unhurried(),
		Observer: metrics.New(prometheus.NewRegistry(), live.say.log()), Log: live.say.log(),
		Asking: func(prober resolver.Prober) resolver.Prober {
			once = check.NewOnceProber(ctx, prober)
			return once
		},
	}
	if live.nodes != nil {
		in.Nodes = func() []nodes.Node { return live.nodes }
	}
	parts, err := wiring.New(configuration, in)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", o.config, err)
	}
	defer func() { _ = parts.Close() }() // what stays is in a folder for temporary files
	inventory := &audit.Inventory{Kinds: parts.Kinds}
	problems, err := live.takeStock(ctx, o.where(live), inventory)
	if err != nil {
		return nil, err
	}
	a := audit.Audit{
		Engine: parts.Engine(parts.Platforms), Labels: live.labels, Fails: check.FailOn(o.failOn).Fails,
		Nodes: live.nodes, Kubectl: o.kubectl,
	}
	bar := newProgress(stderr, inventory.Images(), once.Slowest)
	a.Done = bar.done
	outcome := a.Run(ctx, inventory)
	bar.end()
	written := report.New(outcome.Results, problems, inventory.Objects, report.Vantage{
		Credentials:   []string{"the Secrets and ServiceAccounts of the cluster"},
		Configuration: o.config, Cluster: live.String(), Warnings: live.say.warnings(),
	})
	written.Namespaces, written.Images = outcome.Namespaces, outcome.Images
	return written, nil
}

// where is the namespace to look at; "" for all.
func (o *auditOptions) where(live *liveCluster) string {
	switch {
	case o.all:
		return metav1.NamespaceAll
	case o.namespace != "":
		return o.namespace
	default:
		return live.namespace
	}
}
