package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/pullgate/pullgate/certs"
)

// certificate is the webhook's serving certificate and what keeps it current.
type certificate struct {
	get   func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	run   func(context.Context) error
	ready healthz.Checker
	// register registers its metrics.
	register func(prometheus.Registerer)
}

// Start makes a certificate a controller-runtime Runnable.
func (c *certificate) Start(ctx context.Context) error { return c.run(ctx) }

// NeedLeaderElection says that every replica needs a certificate.
func (c *certificate) NeedLeaderElection() bool { return false }

// certificate returns the one in --cert-dir, or a managed one.
func (o *serveOptions) certificate(ctx context.Context, kube *rest.Config, log *slog.Logger) (*certificate, error) {
	if o.certDir != "" {
		dir, err := certs.OpenDir(o.certDir, log)
		if err != nil {
			return nil, fmt.Errorf("--cert-dir %s: %w", o.certDir, err)
		}
		return &certificate{get: dir.GetCertificate, run: dir.Run, ready: healthz.Ping, register: dir.Register}, nil
	}
	if o.namespace == "" {
		return nil, &hintedError{
			err:  errors.New("managed certificates are kept in a Secret, and no namespace is given for it"),
			hint: "set --namespace or $POD_NAMESPACE, or bring certificates with --cert-dir",
		}
	}
	clientset, err := kubernetes.NewForConfig(kube)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	manager := &certs.Manager{
		Client: clientset, Namespace: o.namespace, Secret: o.certSecret,
		WebhookConfiguration: o.webhookConfiguration,
		DNSNames:             certs.ServiceNames(o.service, o.namespace),
		Log:                  log,
	}
	// What cannot be done yet, because no API server answers say, Run goes on
	// trying; until then the replica is not ready.
	if err := manager.Ensure(ctx); err != nil {
		log.Warn("the serving certificate is not as it should be yet", "error", err.Error())
	}
	return &certificate{get: manager.GetCertificate, run: manager.Run, ready: manager.Check, register: manager.Register}, nil
}
