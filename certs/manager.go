// Package certs has the serving certificate of the webhook: one that Pullgate
// makes, keeps in a Secret and renews by itself (Manager), or one that somebody
// else puts into a folder (Dir). Either hands it to the TLS server for each
// connection, so that it can change while the server runs.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

const (
	// every is how often Run looks whether all is still as it should be. It
	// costs two reads, and bounds for how long a webhook configuration that
	// somebody replaced stays without its caBundle.
	every = time.Minute
	// firstRetry and lastRetry bound the pause after a failure.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Manager serves with a certificate of its own making. Authority, certificate
// and keys are kept in a Secret, which is the one truth for all replicas: who
// finds it good uses it, and who finds it wanting replaces it, unless another
// was quicker. The authority's certificate is written into the webhook
// configuration. A Manager must not be copied.
type Manager struct {
	Client kubernetes.Interface
	// Namespace and Secret say where the certificates are kept.
	Namespace, Secret string
	// WebhookConfiguration is the name of the ValidatingWebhookConfiguration
	// whose caBundles are written; empty for none.
	WebhookConfiguration string
	// DNSNames are the names, or IP addresses, for which the certificate is
	// to be good; see ServiceNames.
	DNSNames []string
	// Log is slog.Default() if nil.
	Log *slog.Logger
	// Now is time.Now if nil.
	Now func() time.Time

	serving atomic.Pointer[tls.Certificate]
}

// ServiceNames returns the names by which a Service is called within a
// cluster; API servers use the first.
func ServiceNames(service, namespace string) []string {
	host := service + "." + namespace + ".svc"
	return []string{host, host + ".cluster.local", service + "." + namespace, service}
}

// Ensure sees to it that a good certificate is in the Secret, that the webhook
// configuration trusts it, and that GetCertificate hands it out. Whatever is so
// already is left alone; call it again to renew. A certificate is handed out
// even if the webhook configuration could not be written, as the error then
// says.
func (m *Manager) Ensure(ctx context.Context) error {
	if m.Namespace == "" || m.Secret == "" || len(m.DNSNames) == 0 {
		return errors.New("a managed certificate needs a namespace, a secret's name and a DNS name; " +
			"name them, or bring a certificate of your own in a folder")
	}
	return retry.OnError(retry.DefaultRetry, anotherWasQuicker, func() error { return m.ensure(ctx) })
}

// anotherWasQuicker tells whether what was read is no longer how it is.
func anotherWasQuicker(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// ensure is one try. The configuration is read before the Secret, and written
// only if it is still as read: what is written then cannot be an authority
// older than one that another replica has written meanwhile.
func (m *Manager) ensure(ctx context.Context) error {
	configuration, untold := m.readConfiguration(ctx)
	held, err := m.settle(ctx)
	if err != nil {
		return err
	}
	if untold == nil {
		untold = m.writeBundle(ctx, configuration, held.roots)
	}
	// A new authority's certificate has to wait until API servers trust it,
	// as long as there is another to serve with.
	if untold == nil || !m.canServe() {
		m.serving.Store(&held.serving)
	}
	return untold
}

// canServe tells whether there is a certificate at hand that has not expired.
func (m *Manager) canServe() bool {
	certificate := m.serving.Load()
	return certificate != nil && m.now().Before(certificate.Leaf.NotAfter)
}

// GetCertificate is for tls.Config.
func (m *Manager) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if certificate := m.serving.Load(); certificate != nil {
		return certificate, nil
	}
	return nil, fmt.Errorf("there is no serving certificate yet: the secret %s/%s could not be read or written so far",
		m.Namespace, m.Secret)
}

// Check tells whether there is a certificate to serve with; it is a readiness
// check in controller-runtime's shape.
func (m *Manager) Check(*http.Request) error {
	_, err := m.GetCertificate(nil)
	return err
}

// Run calls Ensure, every minute, and after a failure soon again, until the
// context ends.
func (m *Manager) Run(ctx context.Context) error {
	retryIn := firstRetry
	for {
		pause := every
		if err := m.Ensure(ctx); err == nil {
			retryIn = firstRetry
		} else {
			pause, retryIn = retryIn, min(2*retryIn, lastRetry)
			m.log().ErrorContext(ctx, "could not see to the serving certificate", "error", err, "retryIn", pause)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

func (m *Manager) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Manager) log() *slog.Logger {
	if m.Log == nil {
		return slog.Default()
	}
	return m.Log
}
