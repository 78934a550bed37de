package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/check"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/wiring"
)

// checkOptions are the flags of `pullgate check`.
type checkOptions struct {
	files, kustomize, exclude      []string
	images, outputs                []string
	platforms, runtimes            []string
	recursive, cluster             bool
	config, depth                  string
	kubeconfig, context, namespace string
	failOn, cacheDir               string
	timeout, wait                  time.Duration
	// path is how the command was called.
	path string
}

// newCheck returns `pullgate check`.
func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the images of manifests, before they are applied",
		Long: `Check the images of manifests, for CI and before a commit, with the verdicts
of the admission webhook.

Secrets and ServiceAccounts among the manifests are the workloads' own, and the
labels of Namespaces among them count. The user's docker configuration stands
for the credentials of the nodes. With --cluster, what is not among the
manifests is read from the cluster.

The exit code is 0 if there is nothing that --fail-on names, 1 if there is, and
2 for wrong usage or a manifest or configuration that cannot be read. With
--fail-on never it is 0 for manifests that cannot be read, too. A check that
SIGINT or SIGTERM ends reports what it knows, and exits with 130 or 143.`,
		Example: `  # what a chart renders to
  helm template shop ./chart | pullgate check -f -

  # a folder and all in it; a kustomization; one image
  pullgate check -f deploy/ -R
  pullgate check -k overlays/prod
  pullgate check --image nginx:1.29

  # with the Secrets, Nodes and labels of the cluster
  pullgate check --cluster -n shop -f web.yaml

  # in a pipeline that pushes the images meanwhile
  pullgate check -f deploy/ --wait 10m

  # for a person and for code scanning at once
  pullgate check -f deploy/ -o text -o sarif=pullgate.sarif`,
		Args: noManifestArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.path = cmd.CommandPath()
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.register(cmd)
	return cmd
}

// register makes the flags.
func (o *checkOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.files, "filename", "f", nil, "`FILE`, folder, pattern or URL with manifests; - for standard input; may be repeated")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "go into the folders of folders given by -f, and build the kustomizations there")
	flags.StringArrayVar(&o.exclude, "exclude", nil, "`GLOB` of what is left out of folders, as in a .gitignore; may be repeated; a file .pullgateignore has more")
	flags.StringArrayVarP(&o.kustomize, "kustomize", "k", nil, "`DIR` or URL of a kustomization; may be repeated")
	flags.StringArrayVar(&o.images, "image", nil, "`REF` of an image to check alone; may be repeated")
	flags.StringVar(&o.config, "config", "", "configuration `FILE`, as for serve; default: the defaults")
	flags.StringSliceVar(&o.platforms, "platform", nil, "`OS/ARCH[/VARIANT]` of the nodes; may be repeated; default: those of the configuration, then of the cluster's Nodes with --cluster, else linux/amd64 and linux/arm64")
	flags.StringSliceVar(&o.runtimes, "runtime", nil, "container runtime of the nodes, `containerd|containerd-local|cri-o`; may be repeated; default: those of the configuration; added to those of the cluster's Nodes with --cluster, unless --platform is given")
	flags.StringVar(&o.depth, "depth", "", "how far to read, `manifest|layers`; default: that of the configuration")
	flags.BoolVar(&o.cluster, "cluster", false, "read Secrets, ServiceAccounts, Nodes and Namespaces from the cluster")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` for --cluster; default: kubectl's")
	flags.StringVar(&o.context, "context", "", "`CONTEXT` of the kubeconfig for --cluster; default: the current one")
	flags.StringVarP(&o.namespace, "namespace", "n", "", "`NAMESPACE` of objects that name none; default: that of the context with --cluster, else default")
	flags.StringArrayVarP(&o.outputs, "output", "o", nil, "`FORMAT[=FILE]`: text, json, sarif, junit, github or html; may be repeated, with one to standard output; default: text")
	flags.StringVar(&o.failOn, "fail-on", string(check.OnBroken), "exit with 1 for what is `broken|unknown|never`: what admission would deny, what is broken or unknown, nothing, be it that a manifest cannot be read")
	flags.DurationVar(&o.timeout, "timeout", 0, "`DURATION` of the whole check, such as 2m: what is not known by then is Timeout; 0: as long as it takes")
	flags.DurationVar(&o.wait, "wait", 0, "`DURATION` to wait for images that are not there yet, such as 10m: each is looked for again every 30s; what waiting cannot mend ends it at once; 0: not at all")
	flags.StringVar(&o.cacheDir, "cache-dir", "", "`DIR` to keep manifests in from run to run, so that known images cost one request")
	for flag, values := range map[string][]string{
		"depth": {string(policy.Manifest), string(policy.Layers)}, "output": names(report.Formats()), "fail-on": names(check.FailOns()), "runtime": pull.RuntimeNames(),
	} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flags exist
	}
}

// run checks, writes the reports, and returns what decides the exit code.
func (o *checkOptions) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	configuration, given, err := o.settings()
	if err != nil {
		return err
	}
	outputs, err := openOutputs(o.outputs, report.Formats(), stdout)
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, o.timeout)
	defer cancel()
	r := checkRun{checkOptions: o, configuration: configuration, given: given, say: &complaints{out: stderr}}
	written, err := r.check(ctx, stdin, stderr)
	by, interrupted := interruptionOf(ctx)
	switch {
	case interrupted && err != nil:
		written = report.New(nil, nil, 0, report.Vantage{Configuration: o.config, Warnings: r.say.warnings()})
		written.Interrupted = by.Error() + " before anything was checked"
	case err != nil:
		return err
	}
	if interrupted {
		r.say.warn(written.Interrupted)
	}
	if err := outputs.write(written); err != nil {
		return err
	}
	if interrupted {
		return by.code()
	}
	return r.verdict(written)
}

// connect connects to the cluster of --cluster; nil without.
func (o *checkOptions) connect(ctx context.Context, say *complaints) (*liveCluster, error) {
	if !o.cluster {
		return nil, nil
	}
	live, err := dialCluster(ctx, o.kubeconfig, o.context, say)
	var hinted *hintedError
	switch {
	case errors.As(err, &hinted):
		return nil, &hintedError{err: fmt.Errorf("--cluster: %w", hinted.err), hint: hinted.hint}
	case err != nil:
		return nil, fmt.Errorf("--cluster: %w", err)
	default:
		return live, nil
	}
}

// verdict is the exit code of a report. A name that leads to nothing is wrong
// usage, whatever the check is to fail for.
func (r *checkRun) verdict(written *report.Report) error {
	switch {
	case r.misnamed, len(written.Problems) > 0 && check.FailOn(r.failOn) != check.Never:
		return exitError(exitUsage)
	case written.Summary.Failed > 0:
		return exitError(exitFound)
	default:
		return nil
	}
}

// settings reads the configuration, and puts into it what flags say.
func (o *checkOptions) settings() (configuration policy.Configuration, given []ocispec.Platform, err error) {
	if len(o.files)+len(o.kustomize) == 0 && len(o.images) == 0 {
		return configuration, nil, &hintedError{
			err: errors.New("nothing to check"), hint: "name manifests with -f or -k, or an image with --image; `" + o.path + " --help` has examples",
		}
	}
	if !slices.Contains(check.FailOns(), check.FailOn(o.failOn)) {
		return configuration, nil, notOneOf("--fail-on", o.failOn, names(check.FailOns()))
	}
	if o.wait != 0 && o.wait < check.MinWait {
		return configuration, nil, &hintedError{err: fmt.Errorf("--wait %s is too short", o.wait), hint: fmt.Sprintf("images are looked for again after %s: give at least as much", check.MinWait)}
	}
	if configuration, err = readConfiguration(o.config); err != nil {
		return configuration, nil, err
	}
	switch depth := policy.Depth(o.depth); depth {
	case "":
	case policy.Manifest, policy.Layers:
		configuration.Depth = depth
	default:
		return configuration, nil, notOneOf("--depth", o.depth, []string{string(policy.Manifest), string(policy.Layers)})
	}
	for _, runtime := range o.runtimes {
		if !slices.Contains(pull.RuntimeNames(), runtime) {
			return configuration, nil, notOneOf("--runtime", runtime, pull.RuntimeNames())
		}
		configuration.Nodes.Runtimes = o.runtimes
	}
	if given, err = platforms.ParseAll(o.platforms); err != nil {
		return configuration, nil, &hintedError{err: fmt.Errorf("--platform: %w", err), hint: "write OS/ARCH[/VARIANT], such as linux/arm64"}
	}
	return configuration, wiring.Normalized(given), nil
}

// checkRun is one run of the command.
type checkRun struct {
	*checkOptions
	configuration policy.Configuration
	given         []ocispec.Platform // of --platform
	cluster       *liveCluster       // nil without --cluster
	say           *complaints
	misnamed      bool // a name on the command line leads to nothing
}

// check reads, asks and reports. When ctx ends while it asks, it reports what
// is known then; before, it is an error.
func (r *checkRun) check(ctx context.Context, stdin io.Reader, stderr io.Writer) (*report.Report, error) {
	var err error
	if r.cluster, err = leave(ctx, func() (*liveCluster, error) { return r.connect(ctx, r.say) }); err != nil {
		return nil, err
	}
	stream := manifest.Read(ctx, manifest.Input{
		Files: r.files, Recursive: r.recursive, Exclude: r.exclude, Kustomize: r.kustomize, Stdin: stdin,
	})
	if by, interrupted := interruptionOf(ctx); interrupted {
		return nil, by
	}
	objects, docker := check.NewManifestSource(r.cluster.source()), check.NewDocker()
	if docker.Err != nil {
		r.say.warn(docker.String() + ": " + docker.Err.Error())
	}
	var once *check.OnceProber
	parts, err := wiring.New(r.configuration, wiring.Dependencies{
		Profiles: r.cluster.profiles(ctx, r.configuration.Nodes.ProfilesNamespace),
		Secrets:  objects, Tokens: r.cluster.tokens(), User: docker, Nodes: r.nodes(),
		Observer: metrics.New(prometheus.NewRegistry(), r.say.log()), Log: r.say.log(),
		Allow: thisMachine(), ContentDir: r.cacheDir, Patience: unhurried(), Alone: true,
		Asking: func(prober resolver.Prober) resolver.Prober {
			once = check.NewOnceProber(ctx, prober)
			return once
		},
	})
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", r.config, err)
	}
	defer func() { _ = parts.Close() }() // what stays is in a folder for temporary files
	input := check.NewInput(stream, parts.Kinds, objects, r.defaultNamespace())
	input.AddImages(r.images, r.defaultNamespace())
	r.misnamed = input.Misnamed
	for _, warning := range input.Warnings {
		r.say.warn(warning)
	}

	c := check.Check{FailOn: check.FailOn(r.failOn), Platforms: r.platforms(parts), Hint: r.hint(), Labels: r.cluster.labels}
	c.Engine = func(meant []ocispec.Platform) *engine.Engine {
		if c.Platforms == nil {
			meant = parts.Platforms
		}
		return parts.Engine(meant)
	}
	bar := newProgress(stderr, input.Images(), once.Slowest)
	c.Done = bar.done
	results := c.Await(ctx, input, check.Waiting{For: r.wait, Once: once, Told: waiting(stderr)})
	bar.end()
	for _, problem := range input.Problems {
		r.say.problem(problem)
	}
	written := report.New(results, input.Problems, input.Objects, report.Vantage{
		Credentials: []string{objects.String(), docker.String()}, Platforms: c.Platforms.Names(),
		Configuration: r.config, Cluster: r.cluster.String(), Warnings: r.say.warnings(),
	})
	if by, interrupted := interruptionOf(ctx); interrupted {
		written.Interrupted = fmt.Sprintf("%v when %d of %d images were checked", by, len(results), input.Images())
	}
	return written, nil
}

// unhurried is the patience with registries that answer 429 of who has nobody
// waiting: the line before one that answers once a second moves on for minutes.
func unhurried() registry.Patience {
	return registry.Patience{Question: 5 * time.Minute, Registry: time.Minute}
}

// nodes returns those of the cluster, unless --platform says what they are.
func (r *checkRun) nodes() func() []nodes.Node {
	if r.cluster == nil || r.cluster.nodes == nil || len(r.given) > 0 {
		return nil
	}
	return func() []nodes.Node { return r.cluster.nodes }
}

// platforms are those of nodes that cannot be looked at: the flag's, else the
// configuration's, else the usual ones. Where Nodes exist, be it that they may
// not be read, it is nil: only what is configured is then added to them.
func (r *checkRun) platforms(parts *wiring.Components) *check.Platforms {
	switch {
	case len(r.given) > 0:
		return check.NewPlatforms(r.given)
	case r.cluster == nil, r.cluster.nodes == nil && len(parts.Platforms) > 0:
		return check.NewPlatforms(parts.Platforms)
	default:
		return nil
	}
}

// defaultNamespace is that of objects that name none.
func (r *checkRun) defaultNamespace() string {
	switch {
	case r.namespace != "":
		return r.namespace
	case r.cluster != nil:
		return r.cluster.namespace
	default:
		return metav1.NamespaceDefault
	}
}

// hint is what to do where credentials are not known.
func (r *checkRun) hint() string {
	if r.cluster != nil {
		return "log in with `docker login`, or get the right to read the pull secrets"
	}
	return "give the pull secrets along with the manifests, log in with `docker login`, or let --cluster read them from the cluster"
}
