package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"k8s.io/client-go/rest"

	"github.com/pullgate/pullgate/webhook/callers"
)

// callers says who may ask: those who show a certificate of --client-ca-file, or
// a token for --token-audience; without both, everybody.
func (o *serveOptions) callers(ctx context.Context, kube *rest.Config, clients *x509.CertPool, stranger func(), log *slog.Logger) (*callers.Callers, error) {
	known := &callers.Callers{Certificates: clients != nil, Stranger: stranger, Log: log}
	if o.tokenAudience == "" {
		if len(o.tokenUsers) > 0 {
			return nil, &hintedError{err: errors.New("--token-user counts only with --token-audience"), hint: "add --token-audience https://SERVICE.NAMESPACE.svc:443/validate"}
		}
		return known, nil
	}
	transport, err := rest.TransportFor(kube)
	if err != nil {
		return nil, fmt.Errorf("--token-audience: %w", err)
	}
	server, _, err := rest.DefaultServerUrlFor(kube)
	if err != nil {
		return nil, fmt.Errorf("--token-audience: %w", err)
	}
	known.Tokens = &callers.Tokens{Audience: o.tokenAudience, Configuration: o.webhookConfiguration, Users: o.tokenUsers}
	known.Tokens.From(ctx, server.String(), transport)
	return known, nil
}

// clientPool reads --client-ca-file; nil without one.
func (o *serveOptions) clientPool() (*x509.CertPool, error) {
	if o.clientCA == "" {
		return nil, nil //nolint:nilnil // no file, no pool
	}
	text, err := os.ReadFile(o.clientCA)
	if err != nil {
		return nil, fmt.Errorf("--client-ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &hintedError{err: fmt.Errorf("--client-ca-file %s holds no certificate", o.clientCA), hint: "write the CA's certificate in PEM into it"}
	}
	return pool, nil
}

// withClients lets clients show certificates. Who shows none is told so by an
// answer, not by the end of the connection.
func withClients(config *tls.Config, clients *x509.CertPool) *tls.Config {
	if clients != nil {
		config.ClientCAs, config.ClientAuth = clients, tls.VerifyClientCertIfGiven
	}
	return config
}
