package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/check"
	"github.com/pullgate/pullgate/explain"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/wiring"
	"github.com/pullgate/pullgate/workload"
)

// exitUnknown is explain's exit code where only the node can tell.
const exitUnknown = 3

// explainOptions are the flags of `pullgate explain`.
type explainOptions struct {
	kubeconfig, context, namespace string
	config, output, file           string
	timeout                        time.Duration
}

// newExplain returns `pullgate explain`.
func newExplain() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [KIND/NAME | -f FILE | REASON]",
		Short: "Say why a Pod is stuck at an image, and what to do",
		Long: `Say why a Pod is stuck in ErrImagePull or ImagePullBackOff, or would be: what
the kubelet said, what the registry says now with the Pod's own credentials, who
set the image and when, and what to do. Of a Deployment, StatefulSet, DaemonSet,
ReplicaSet, Job or CronJob it takes the worst Pod; without a name, the worst of
the namespace. With a reason of a verdict, such as TagNotFound, or a cause, such
as NoSpace, it says what that means.

With -f it explains what "kubectl get pod NAME -o yaml" printed; events and pull
secrets in the same file help. What the cluster of the kubeconfig tells besides
is read from there, if there is one.

It reads with your own rights, and says what it may not read. Each command that
it gives is marked: [look] changes nothing, [change] does, [destroy] removes.

The exit code is 0 if nothing is the matter (any more), 1 if it is broken, 3 if
only the node can tell, and 2 for wrong usage or an object that is not there.`,
		Example: `  # why does this Pod hang?
  pullgate explain pod/web-7d9c -n shop

  # a Deployment's worst Pod; the worst of the namespace
  pullgate explain deployment/web -n shop
  pullgate explain -n shop

  # somebody else's Pod, with its events
  kubectl get pod/web-7d9c events -n shop -o yaml > stuck.yaml
  pullgate explain -f stuck.yaml

  # what does a reason mean?
  pullgate explain TagNotFound`,
		Args:              cobra.MaximumNArgs(2),
		ValidArgsFunction: completeReasons,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "filename", "f", "", "`FILE` with the object to explain, as kubectl prints it; - for standard input")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `FILE`; default: kubectl's")
	flags.StringVar(&o.context, "context", "", "`CONTEXT` of the kubeconfig; default: the current one")
	flags.StringVarP(&o.namespace, "namespace", "n", "", "`NAMESPACE` of the object; default: that of the context")
	flags.StringVar(&o.config, "config", "", "configuration `FILE`, as for serve; default: the defaults")
	flags.StringVarP(&o.output, "output", "o", "text", "`FORMAT`: text or json")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to ask, as a `DURATION`; 0: as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// completeReasons completes the reasons of the catalogue.
func completeReasons(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, entry := range pull.Standard().Reasons {
		names = append(names, string(entry.Reason)+"\t"+entry.Meaning)
	}
	for _, entry := range explain.Causes() {
		names = append(names, string(entry.Cause)+"\t"+entry.Meaning)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// run explains a reason or an object.
func (o *explainOptions) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if o.output != "text" && o.output != "json" {
		return notOneOf("--output", o.output, []string{"text", "json"})
	}
	kind, name, err := objectArgument(args)
	if err != nil {
		return err
	}
	if name == "" && kind != "" && o.file == "" {
		return explainReason(stdout, kind)
	}
	ctx, cancel := within(ctx, o.timeout)
	defer cancel()
	say := &complaints{out: stderr}
	live, err := dialCluster(ctx, o.kubeconfig, o.context, say)
	switch {
	case err != nil && o.file == "":
		return err
	case err != nil:
		live = nil
		say.warn("without a cluster: " + err.Error())
	}
	explanation, err := o.explain(ctx, live, stdin, say, kind, name)
	if err != nil {
		return err
	}
	if err := o.write(stdout, explanation); err != nil {
		return err
	}
	switch explanation.State {
	case explain.Broken:
		return exitError(exitFound)
	case explain.Unknown:
		return exitError(exitUnknown)
	default:
		return nil
	}
}

// objectArgument reads KIND/NAME, KIND NAME or a reason, which has no name.
func objectArgument(args []string) (kind, name string, err error) {
	switch len(args) {
	case 0:
		return "", "", nil
	case 1:
		kind, name, found := strings.Cut(args[0], "/")
		if found && (kind == "" || name == "") {
			return "", "", &hintedError{err: fmt.Errorf("%q names no object", args[0]), hint: "write KIND/NAME, such as pod/web-7d9c"}
		}
		return kind, name, nil
	default:
		return args[0], args[1], nil
	}
}

// explainReason says what the documentation says of a reason or a note.
func explainReason(w io.Writer, name string) error {
	catalogue := pull.Standard()
	for _, entry := range catalogue.Reasons {
		if strings.EqualFold(string(entry.Reason), name) {
			_, err := fmt.Fprintf(w, "%s (%s)\n\n%s\n", entry.Reason, entry.Verdict, paragraphs(entry.Meaning, entry.More, entry.Help))
			return err
		}
	}
	for _, note := range catalogue.Notes {
		if strings.EqualFold(string(note.Reason), name) {
			_, err := fmt.Fprintf(w, "%s (note)\n\n%s\n", note.Reason, paragraphs(note.Meaning, note.More, note.Help))
			return err
		}
	}
	for _, entry := range explain.Causes() {
		if strings.EqualFold(string(entry.Cause), name) {
			_, err := fmt.Fprintf(w, "%s (cause)\n\n%s\n", entry.Cause, paragraphs(entry.Meaning, entry.Help))
			return err
		}
	}
	return &hintedError{
		err:  fmt.Errorf("%q is neither KIND/NAME nor a reason", name),
		hint: "write KIND/NAME, such as pod/web-7d9c, or a reason, such as TagNotFound",
	}
}

func paragraphs(texts ...string) string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n\n")
}

// explain reads an object, asks the registries about its images, and explains.
func (o *explainOptions) explain(ctx context.Context, live *liveCluster, stdin io.Reader, say *complaints, kind, name string) (*explain.Explanation, error) {
	configuration, err := readConfiguration(o.config)
	if err != nil {
		return nil, err
	}
	objects := check.NewManifestSource(live.source())
	dependencies := wiring.Dependencies{
		Secrets: objects, Tokens: live.tokens(), Nodes: func() []nodes.Node { return nil },
		Observer: metrics.New(prometheus.NewRegistry(), say.log()), Log: say.log(), Allow: thisMachine(),
	}
	switch {
	case live != nil:
		dependencies.Nodes = func() []nodes.Node { return live.nodes }
		dependencies.Profiles = live.profiles(ctx, configuration.Nodes.ProfilesNamespace)
	case len(configuration.Nodes.Platforms) == 0:
		configuration.Nodes.Platforms = []string{"linux/amd64", "linux/arm64"} // as check has it
		fallthrough
	default:
		dependencies.User = check.NewDocker()
	}
	parts, err := wiring.New(configuration, dependencies)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", o.config, err)
	}
	defer func() { _ = parts.Close() }() // what stays is in a folder for temporary files
	file, err := o.readGiven(ctx, stdin, parts.Kinds, kind, name)
	if err != nil {
		return nil, err
	}
	record, err := o.gather(ctx, live, file, kind, name)
	if err != nil {
		return nil, err
	}
	check.NewInput(file.stream, parts.Kinds, objects, record.Object.Namespace) // the file's pull secrets
	results, err := o.ask(ctx, parts, record)
	if err != nil {
		return nil, err
	}
	return explain.Explain(record, results), nil
}

// gather reads what there is to read.
func (o *explainOptions) gather(ctx context.Context, live *liveCluster, file *givenFile, kind, name string) (*explain.Record, error) {
	target := explain.Target{Namespace: o.namespace, Name: name}
	if live == nil {
		target.Namespace = cmp.Or(target.Namespace, "default")
		return explain.Gather(ctx, explain.NoCluster{}, target, file.Given)
	}
	target.Namespace = cmp.Or(target.Namespace, live.namespace)
	var err error
	if kind != "" && file.Object == nil {
		if target.Kind, err = live.kind(kind); err != nil {
			return nil, err
		}
	}
	record, err := explain.Gather(ctx, live.client, target, file.Given)
	if err != nil {
		return nil, cmp.Or(live.missing(ctx, target.Namespace), notRead(target, err))
	}
	return record, nil
}

// notRead says what to do where there is nothing to explain.
func notRead(target explain.Target, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return &hintedError{err: err, hint: fmt.Sprintf("`kubectl get %s -n %s` lists what there is", strings.ToLower(target.Kind.Kind)+"s", target.Namespace)}
	case apierrors.IsForbidden(err):
		return &hintedError{err: err, hint: "the right to get it is needed, which the ClusterRole view has; -f explains what somebody prints who has it"}
	default:
		return err
	}
}

// ask asks the registries about the images of the Pod, as it is, or of the
// object where there is none.
func (o *explainOptions) ask(ctx context.Context, parts *wiring.Components, record *explain.Record) ([]resolver.Result, error) {
	raw, operation := record.Template, workload.Create
	if record.Pod != nil {
		record.Pod.APIVersion, record.Pod.Kind = "v1", "Pod"
		text, err := json.Marshal(record.Pod)
		if err != nil {
			return nil, fmt.Errorf("pod %s: %w", record.Pod.Name, err)
		}
		raw, operation = text, workload.Update
	}
	read, err := parts.Kinds.Read(raw, operation)
	switch {
	case errors.Is(err, workload.ErrUnknownKind):
		return nil, &hintedError{
			err:  fmt.Errorf("%s has no pod template that pullgate knows", record.Object.Kind),
			hint: "name it under workloads of the configuration, and give that with --config",
		}
	case err != nil:
		return nil, err
	}
	read.Object.Namespace = record.Object.Namespace
	return parts.Engine(parts.Platforms).Resolver.Resolve(ctx, read).Results, nil
}

func (o *explainOptions) write(w io.Writer, explanation *explain.Explanation) error {
	if o.output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(explanation)
	}
	return explanation.WriteText(w, explain.Style{Color: styleOf(w).Color})
}

// kind finds the kind that people mean by a name, as kubectl does.
func (c *liveCluster) kind(name string) (schema.GroupVersionKind, error) {
	resource, group, _ := strings.Cut(strings.ToLower(name), ".")
	if long := longKind(resource); long != resource {
		resource = long + "s"
	}
	kind, err := c.client.RESTMapper().KindFor(schema.GroupVersionResource{Resource: resource, Group: group})
	if err != nil {
		return kind, &hintedError{err: fmt.Errorf("the cluster knows no kind %q: %w", name, err), hint: "`kubectl api-resources` lists the kinds"}
	}
	return kind, nil
}
