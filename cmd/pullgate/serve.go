package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/webhook"
	"github.com/pullgate/pullgate/webhook/server"
	"github.com/pullgate/pullgate/wiring"
)

// run serves until the context ends.
func (o *serveOptions) run(ctx context.Context, out io.Writer) error {
	log, err := newLog(out, o.logLevel)
	if err != nil {
		return err
	}
	written, _ := readFile(o.config) // what is wrong with it is said below
	seen := withProfiles(written, nil)
	configuration, err := readConfiguration(o.config)
	if err != nil {
		return err
	}
	var kept *cluster.Profiles // of which nothing is known yet
	if configuration.Nodes.ProfilesNamespace != "" {
		kept = &cluster.Profiles{}
	}
	kube, err := ownConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	certificate, err := o.certificate(ctx, kube, log)
	if err != nil {
		return err
	}
	clients, err := o.clientPool()
	if err != nil {
		return err
	}
	counts := webhook.NewMetrics(ctrlmetrics.Registry)
	known, err := o.callers(ctx, kube, clients, counts.Stranger, log)
	if err != nil {
		return err
	}
	entrance, err := o.newServer(certificate.get, clients, log)
	if err != nil {
		return err
	}
	manager, err := o.newManager(kube, configuration.Nodes.ProfilesNamespace, entrance)
	if err != nil {
		return err
	}
	dependencies, err := o.dependencies(ctx, manager, kept, log)
	if err != nil {
		return err
	}
	reload, audits, err := o.configured(kube, kept, seen, configuration, dependencies)
	if err != nil {
		return err
	}
	defer reload.current.Replace(nil, nil)
	reload.register(ctrlmetrics.Registry)
	certificate.register(ctrlmetrics.Registry)
	ctrlmetrics.Registry.MustRegister(append(loads(reload.parts.Load), buildInfo(), audits.Collector())...)
	handler := &webhook.Handler{Engine: reload.current.Use, Arrived: server.Arrived, Log: log, Metrics: counts}
	manager.GetWebhookServer().Register("/validate", known.Only(handler))
	if err := errors.Join(manager.Add(reload), manager.Add(audits), manager.Add(certificate), manager.AddReadyzCheck("certificate", certificate.ready), manager.AddReadyzCheck("profiles", reload.ready)); err != nil {
		return &failedError{fmt.Errorf("set up: %w", err)}
	}
	defer handler.Flush()
	defer known.Flush()
	log.Info("pullgate serves", "version", buildVersion(), "address", o.bind, "mode", configuration.Mode)
	if err := runDraining(ctx, manager, entrance, log); err != nil {
		return &failedError{fmt.Errorf("serve: %w", err)}
	}
	return nil
}

// configured makes of a configuration what answers and what audits, and keeps both
// up with the file, of which seen was read, and with the profiles that the cluster keeps.
func (o *serveOptions) configured(kube *rest.Config, kept *cluster.Profiles, seen []byte, configuration policy.Configuration, in wiring.Dependencies) (*reloader, auditor, error) {
	first, err := newEngine(configuration, in)
	if err != nil {
		return nil, auditor{}, fmt.Errorf("configuration %s: %w", o.config, err)
	}
	audits, err := o.newAuditor(kube, configuration, in)
	if err != nil {
		return nil, auditor{}, err
	}
	return newReloader(o.config, kept, seen, first, func(data []byte) (*built, error) {
		changed, err := parseConfiguration(o.config, data)
		if err == nil {
			err = audits.configure(changed, in)
		}
		if err != nil {
			return nil, err
		}
		return newEngine(changed, in)
	}, in.Log), audits, nil
}

// stopsWithin is how long everything may take to end when nobody is answered any
// more: the auditor keeps what it knows.
const stopsWithin = 10 * time.Second

// runDraining runs everything until the context ends, and from then on until the last
// request has its answer.
func runDraining(ctx context.Context, manager ctrl.Manager, entrance *server.Server, log *slog.Logger) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("about to stop", "after", entrance.DrainFor.String())
	if err := entrance.Drain(); err != nil { //nolint:contextcheck // what is over must not end the wait for what has begun
		log.Warn("requests were left without an answer", "error", err.Error())
	}
	stop()
	select {
	case err := <-ended:
		return err
	case <-time.After(stopsWithin):
		// It waits forever for caches that no API server has filled (controller-runtime
		// pkg/manager/runnable_group.go, Start).
		return nil
	}
}

// dependencies are what engines are built into.
func (o *serveOptions) dependencies(ctx context.Context, manager ctrl.Manager, kept *cluster.Profiles, log *slog.Logger) (wiring.Dependencies, error) {
	if kept != nil {
		if err := kept.Watch(ctx, manager.GetCache()); err != nil {
			return wiring.Dependencies{}, &failedError{err}
		}
	}
	live := &cluster.Nodes{}
	if err := live.Watch(ctx, manager.GetCache()); err != nil {
		return wiring.Dependencies{}, &failedError{err}
	}
	if _, err := manager.GetCache().GetInformer(ctx, cluster.NamespaceMetadata(), cache.BlockUntilSynced(false)); err != nil {
		return wiring.Dependencies{}, &failedError{fmt.Errorf("watch Namespaces: %w", err)}
	}
	observer := metrics.New(ctrlmetrics.Registry, log)
	direct := cluster.Source{Reader: manager.GetAPIReader(), Observe: observer.Read}
	namespaces := cluster.Namespaces{Cache: manager.GetClient(), Direct: manager.GetAPIReader()}
	return wiring.Dependencies{
		Secrets: cluster.Remember(direct), Fresh: direct, Nodes: live.All, Profiles: kept.All,
		Tokens:   cluster.Tokens{Client: manager.GetClient()}.Issue,
		Observer: observer, Log: log,
		Self: o.namespace, Labels: namespaces.Labels,
		Patience: registry.Patience{Question: ridesOut, Registry: ridesOut}, GivesUp: true,
	}, nil
}

// ridesOut is how long an admission waits for a registry that answers 429: long
// enough for one pause of a second or two, short enough for what API servers
// wait, ten seconds by default.
const ridesOut = 2 * time.Second

// newServer sets up what answers API servers.
func (o *serveOptions) newServer(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), clients *x509.CertPool, log *slog.Logger) (*server.Server, error) {
	if err := checkAddress("--bind-address", o.bind); err != nil {
		return nil, err
	}
	config := &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}
	return &server.Server{
		Server: ctrlwebhook.NewServer(ctrlwebhook.Options{}), Address: o.bind, TLS: withClients(config, clients), DrainFor: o.drainTime, Log: log,
	}, nil
}

// newManager sets up controller-runtime's other servers, caches and clients.
func (o *serveOptions) newManager(kube *rest.Config, profiles string, entrance *server.Server) (ctrl.Manager, error) {
	for flag, address := range map[string]string{
		"--metrics-bind-address": o.metricsBind, "--health-probe-bind-address": o.healthBind, "--pprof-bind-address": o.pprofBind,
	} {
		if err := checkAddress(flag, address); err != nil && address != "0" {
			return nil, err
		}
	}
	manager, err := ctrl.NewManager(kube, ctrl.Options{
		MapperProvider:         func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return cluster.Mapper(), nil },
		Metrics:                metricsserver.Options{BindAddress: o.metricsBind},
		HealthProbeBindAddress: o.healthBind,
		PprofBindAddress:       o.pprofBind,
		WebhookServer:          entrance,
		Cache:                  cluster.CacheOptions(profiles),
	})
	if err != nil {
		return nil, &failedError{fmt.Errorf("set up: %w", err)}
	}
	if err := errors.Join(
		manager.AddHealthzCheck("ping", healthz.Ping),
		manager.AddReadyzCheck("webhook", entrance.StartedChecker()),
	); err != nil {
		return nil, &failedError{fmt.Errorf("set up: %w", err)}
	}
	return manager, nil
}

// checkAddress says what is wrong with an address to listen at.
func checkAddress(flag, address string) error {
	_, text, err := net.SplitHostPort(address)
	port, wrong := strconv.Atoi(text)
	if err != nil || wrong != nil || port <= 0 || port > 65535 {
		return &hintedError{err: fmt.Errorf("%s %q is no HOST:PORT", flag, address), hint: "write it like :9443 or 127.0.0.1:9443"}
	}
	return nil
}

// newLog writes JSON, and makes the libraries' logs part of it. It takes no level
// below debug: there the API's client writes what it is answered, Secrets and
// tokens included.
func newLog(out io.Writer, level string) (*slog.Logger, error) {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil || parsed < slog.LevelDebug {
		return nil, &hintedError{err: fmt.Errorf("--log-level %q is no level", level), hint: "write debug, info, warn or error"}
	}
	handler := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: parsed})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	klog.SetSlogLogger(slog.New(handler))
	return slog.New(handler), nil
}
