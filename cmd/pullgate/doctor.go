package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/pullgate/pullgate/doctor"
)

// doctorOptions are the flags of `pullgate doctor`.
type doctorOptions struct {
	kubeconfig, context, namespace string
	webhook, config, output        string
	registries                     []string
	timeout                        time.Duration
}

// newDoctor returns `pullgate doctor`.
func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether API servers reach Pullgate, and what mends it",
		Long: `Say whether API servers reach Pullgate, and if not, why and what mends it. It
asks for server-side dry runs that must come by, and that Pullgate answers in
every mode; then it looks at what is on the way: the webhook configuration, the
namespace, the Service, the replicas, the route to them, the certificate and the
clocks; at Pullgate's rights, for each feature; and, from where it runs, at the
registries and the proxy.

It changes nothing, and reads with your own rights; what may not be read is not
known, and said so. Each command that it gives is marked: [look] changes nothing,
[change] does, [destroy] removes.

The exit code is 0 if the dry runs came by and nothing is to be mended, 1 if
something is, or if it is not known whether they come by, and 2 for wrong usage
or an API server that gives no answer.`,
		Example: `  # from a laptop; is namespace shop looked at?
  pullgate doctor
  pullgate doctor -n shop

  # which registries can be reached from where this runs?
  pullgate doctor --registry ghcr.io --registry registry.example:5000

  # from where Pullgate runs, with Pullgate's own rights
  kubectl exec -n pullgate-system deployment/pullgate -- /pullgate doctor --registry ghcr.io`,
		Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `FILE`; default: kubectl's")
	flags.StringVar(&o.context, "context", "", "`CONTEXT` of the kubeconfig; default: the current one")
	flags.StringVarP(&o.namespace, "namespace", "n", "", "`NAMESPACE` in which to try; default: that of the context")
	flags.StringVar(&o.webhook, "webhook", "", "`NAME` of the ValidatingWebhookConfiguration; default: the only one that is Pullgate's")
	flags.StringVar(&o.config, "config", "", "Pullgate's configuration `FILE`; default: what its ConfigMap has")
	flags.StringArrayVar(&o.registries, "registry", nil, "`HOST` of a registry to ask; may be repeated; default: those of the namespace's Pods")
	flags.StringVarP(&o.output, "output", "o", "text", "`FORMAT`: text or json")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "how long to look, as a `DURATION`; 0: as long as it takes")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return cmd
}

// run examines, and says what was found.
func (o *doctorOptions) run(ctx context.Context, stdout io.Writer) error {
	if o.output != "text" && o.output != "json" {
		return notOneOf("--output", o.output, []string{"text", "json"})
	}
	physician, err := o.doctor()
	if err != nil {
		return err
	}
	ctx, cancel := within(ctx, o.timeout)
	defer cancel()
	diagnosis, err := physician.Examine(ctx)
	if err != nil {
		return o.nothing(physician.Namespace, err)
	}
	if err := o.write(stdout, diagnosis); err != nil {
		return err
	}
	if diagnosis.State != doctor.Fine {
		return exitError(exitFound)
	}
	return nil
}

// doctor is made of the flags.
func (o *doctorOptions) doctor() (*doctor.Doctor, error) {
	config, namespace, err := clusterConfig(o.kubeconfig, o.context)
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{}
	if o.namespace != "" {
		namespace = o.namespace
	}
	physician := &doctor.Doctor{
		Config: config, Webhook: o.webhook, Namespace: namespace, Registries: o.registries, Kubectl: o.kubectl(),
	}
	if own, err := rest.InClusterConfig(); err == nil && own.Host == config.Host {
		physician.Inside = true
	}
	if o.config != "" {
		settings, err := readConfiguration(o.config)
		if err != nil {
			return nil, err
		}
		physician.Settings = &settings
	}
	return physician, nil
}

// kubectl is how commands for the same cluster begin.
func (o *doctorOptions) kubectl() string {
	text := "kubectl"
	if o.kubeconfig != "" {
		text += " --kubeconfig " + shellWord(o.kubeconfig)
	}
	if o.context != "" {
		text += " --context " + shellWord(o.context)
	}
	return text
}

// nothing says why there is nothing to judge.
func (o *doctorOptions) nothing(namespace string, err error) error {
	switch {
	case errors.Is(err, doctor.ErrAmbiguous):
		return &hintedError{err: err, hint: "name one of them with --webhook"}
	case apierrors.IsNotFound(err):
		return &hintedError{err: fmt.Errorf("there is no namespace %s", namespace), hint: "`kubectl get namespaces` lists them; name one with -n"}
	default:
		return &hintedError{err: fmt.Errorf("the API server gives no answer: %w", err), hint: "`kubectl version` with the same kubeconfig says more"}
	}
}

func (o *doctorOptions) write(w io.Writer, diagnosis *doctor.Diagnosis) error {
	if o.output == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false) // commands have an &&
		encoder.SetIndent("", "  ")
		return encoder.Encode(diagnosis)
	}
	return diagnosis.WriteText(w, doctor.Style{Color: styleOf(w).Color})
}

// shellWord is one word for a POSIX shell.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
