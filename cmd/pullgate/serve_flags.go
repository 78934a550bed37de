package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pullgate/pullgate/wiring"
)

// serveOptions are the flags of `pullgate serve`.
type serveOptions struct {
	config, kubeconfig             string
	bind, metricsBind, healthBind  string
	pprofBind                      string
	certDir, clientCA              string
	tokenAudience                  string
	tokenUsers                     []string
	namespace, service, certSecret string
	webhookConfiguration, logLevel string
	drainTime                      time.Duration
}

// newServe returns `pullgate serve`.
func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the admission webhook",
		Long: `Run the admission webhook: POST /validate takes AdmissionReviews.

Without --cert-dir the program manages its certificates itself: it makes a CA
and a serving certificate, keeps them in a Secret, and puts the CA into the
webhook configuration.`,
		Example: `  # in a cluster, as the Helm chart runs it
  pullgate serve --config /etc/pullgate/config.yaml

  # on a workstation, with certificates of one's own
  pullgate serve --kubeconfig ~/.kube/config --cert-dir ./certs --bind-address 127.0.0.1:9443`,
		Args: exactArgs(0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			go wiring.CollectOften(cmd.Context())
			return o.run(cmd.Context(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.config, "config", "", "configuration `FILE`; taken up again when it changes")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `FILE`; default: the Pod's own service account")
	flags.StringVar(&o.bind, "bind-address", ":9443", "`HOST:PORT` of the webhook")
	flags.StringVar(&o.metricsBind, "metrics-bind-address", ":8080", "`HOST:PORT` of /metrics, plain HTTP; 0 for none")
	flags.StringVar(&o.healthBind, "health-probe-bind-address", ":8081", "`HOST:PORT` of /healthz and /readyz, plain HTTP; 0 for none")
	flags.StringVar(&o.pprofBind, "pprof-bind-address", "0", "`HOST:PORT` of /debug/pprof, plain HTTP, for whoever looks for what the program is busy with; 0 for none")
	flags.DurationVar(&o.drainTime, "drain-time", 5*time.Second, "`DURATION` for which requests are still taken after SIGTERM, until API servers have heard that this replica is about to stop; what has begun is finished in any case")
	flags.StringVar(&o.certDir, "cert-dir", "", "`DIR` with tls.crt and tls.key; default: certificates managed by the program")
	flags.StringVar(&o.clientCA, "client-ca-file", "", "`FILE` with the CA, in PEM, of the client certificates that API servers show; default, without --token-audience: anybody may ask")
	flags.StringVar(&o.tokenAudience, "token-audience", "", "`AUDIENCE` of the tokens that API servers show instead, https://SERVICE.NAMESPACE.svc:443/validate; default, without --client-ca-file: anybody may ask")
	flags.StringArrayVar(&o.tokenUsers, "token-user", nil, "`USER` whose tokens count, such as system:serviceaccount:kube-system:webhook-auth, besides those that were issued for --webhook-configuration; repeatable")
	flags.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "`NAMESPACE` in which the program runs, which it never checks; default: $POD_NAMESPACE")
	flags.StringVar(&o.service, "service", "pullgate", "`NAME` of the Service that leads to the webhook, for the certificate")
	flags.StringVar(&o.certSecret, "cert-secret", "pullgate-certs", "`NAME` of the Secret that keeps the managed certificates")
	flags.StringVar(&o.webhookConfiguration, "webhook-configuration", "pullgate", "`NAME` of the ValidatingWebhookConfiguration that gets the CA, and for which tokens of API servers are issued")
	flags.StringVar(&o.logLevel, "log-level", "info", "`LEVEL` of the log: debug, info, warn or error")
	return cmd
}
