package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
)

const (
	// every is how often Run looks whether all is still as it should be, when
	// nothing has told it that something changed. It costs two reads.
	every = time.Minute
	// firstRetry and lastRetry bound the pause after a failure.
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
	// soon is when to look again at what has to be waited for.
	soon = 200 * time.Millisecond
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

	serving    atomic.Pointer[material]
	ready      atomic.Bool
	reconciled atomic.Pointer[time.Time]
	writes     atomic.Int64

	// Of Ensure alone.
	once    sync.Once
	vault   *vault
	webhook *webhookConfiguration // nil: none is looked after
	known   bool                  // whether the configuration was ever there
	trust   trust
}

// ServiceNames returns the names by which a Service is called within a
// cluster; API servers use the first.
func ServiceNames(service, namespace string) []string {
	host := service + "." + namespace + ".svc"
	return []string{host, host + ".cluster.local", service + "." + namespace, service}
}

// Ensure sees to it that a good certificate is in the Secret, that the webhook
// configuration trusts it, and that GetCertificate hands it out. Whatever is so
// already is left alone; call it again to renew, but not twice at a time. A
// certificate is handed out even if the webhook configuration could not be
// written, as the error then says; one that API servers may not trust yet only
// if there is no other.
func (m *Manager) Ensure(ctx context.Context) error {
	if m.Namespace == "" || m.Secret == "" || len(m.DNSNames) == 0 {
		return errors.New("a managed certificate needs a namespace, a secret's name and a DNS name; " +
			"name them, or bring a certificate of your own in a folder")
	}
	m.once.Do(func() {
		m.vault = &vault{client: m.Client, namespace: m.Namespace, name: m.Secret, dnsNames: m.DNSNames, log: m.log()}
		if m.WebhookConfiguration != "" {
			m.webhook = newWebhookConfiguration(m.Client, m.WebhookConfiguration)
		}
	})
	err := retry.OnError(retry.DefaultRetry, anotherWasQuicker, func() error { return m.ensure(ctx) })
	if now := m.now(); err == nil {
		m.reconciled.Store(&now)
	}
	return err
}

// anotherWasQuicker tells whether what was read is no longer how it is.
func anotherWasQuicker(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// errUninstalled is for a configuration that is gone: what belongs to it is not
// made again.
var errUninstalled = errors.New("the webhook configuration was removed: no API server calls any more")

// ensure is one try. The configuration is read before the Secret, and written
// only if it is still as read: what is written then cannot lack an authority
// that another replica has written meanwhile.
func (m *Manager) ensure(ctx context.Context) error {
	var configuration *admissionv1.ValidatingWebhookConfiguration
	var untold error
	if m.webhook != nil {
		configuration, untold = m.webhook.read(ctx)
	}
	if m.known && configuration == nil && untold == nil {
		return errUninstalled
	}
	if configuration == nil && untold == nil && m.webhook != nil {
		m.log().WarnContext(ctx, "there is no such webhook configuration: no API server calls", "webhookConfiguration", m.webhook.name)
	}
	m.known = m.known || configuration != nil
	now := m.now()
	held, err := m.vault.settle(ctx, m.others(configuration), ownerOf(configuration), now)
	if err != nil {
		return err
	}
	if untold == nil && configuration != nil {
		untold = m.tell(ctx, configuration, held, now)
	}
	m.take(held, untold == nil && configuration == nil, now)
	return untold
}

// others are the authorities by which replicas may serve, in PEM, besides what
// the Secret has.
func (m *Manager) others(configuration *admissionv1.ValidatingWebhookConfiguration) []byte {
	text := configuredRoots(configuration)
	if serving := m.serving.Load(); serving != nil {
		text = append(text, serving.roots...)
	}
	return text
}

// tell has the configuration trust what is held and what is served.
func (m *Manager) tell(ctx context.Context, configuration *admissionv1.ValidatingWebhookConfiguration, held material, now time.Time) error {
	var serving *x509.Certificate
	if m.canServe(now) {
		serving = m.serving.Load().root
	}
	wrote, err := m.webhook.write(ctx, configuration, trusted(held, serving, configuredRoots(configuration), now), now)
	if err != nil {
		return err
	}
	if wrote {
		m.writes.Add(1)
		m.log().InfoContext(ctx, "wrote the caBundle", "webhookConfiguration", configuration.Name, "before", lastWriter(configuration))
	}
	m.trust.saw(held.root, wrote, now)
	return nil
}

// take serves with what the Secret holds, once all API servers trust it; at
// once if nobody calls, or if there is nothing else to serve with. Ready is who
// is trusted, and stays so.
func (m *Manager) take(held material, uncalled bool, now time.Time) {
	if uncalled || !m.canServe(now) || m.serving.Load().root.Equal(held.root) || m.trust.heard(held.root, heard, now) {
		m.serving.Store(&held)
	}
	if uncalled || m.trust.heard(m.serving.Load().root, heardFirst, now) {
		m.ready.Store(true)
	}
}

// canServe tells whether there is a certificate at hand that has not expired.
func (m *Manager) canServe(now time.Time) bool {
	serving := m.serving.Load()
	return serving != nil && now.Before(serving.serving.Leaf.NotAfter)
}

// settled tells whether there is nothing to wait for.
func (m *Manager) settled() bool {
	return m.ready.Load() && (m.trust.root == nil || m.serving.Load().root.Equal(m.trust.root))
}

// GetCertificate is for tls.Config.
func (m *Manager) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if held := m.serving.Load(); held != nil {
		return &held.serving, nil
	}
	return nil, fmt.Errorf("there is no serving certificate yet: the secret %s/%s could not be read or written so far",
		m.Namespace, m.Secret)
}

// Check tells whether API servers trust what is served, or did once: it is never
// taken back, since a replica that is not ready is no better trusted. It is a
// readiness check in controller-runtime's shape.
func (m *Manager) Check(*http.Request) error {
	if _, err := m.GetCertificate(nil); err != nil {
		return err
	}
	if !m.ready.Load() {
		return errors.New("API servers do not trust the serving certificate yet")
	}
	return nil
}

// Run calls Ensure when the Secret or the webhook configuration changes, every
// minute, and after a failure soon again, until the context ends.
func (m *Manager) Run(ctx context.Context) error {
	changed, err := watch(ctx, m.Client, m.Namespace, m.Secret, m.WebhookConfiguration)
	if err != nil {
		return fmt.Errorf("watch the serving certificate: %w", err)
	}
	retryIn := firstRetry
	for {
		pause := every
		switch err := m.Ensure(ctx); {
		case errors.Is(err, errUninstalled):
			m.log().InfoContext(ctx, err.Error())
		case err != nil:
			pause, retryIn = retryIn, min(2*retryIn, lastRetry)
			m.log().ErrorContext(ctx, "could not see to the serving certificate", "error", err, "retryIn", pause)
		default:
			retryIn = firstRetry
			if !m.settled() {
				pause = soon
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
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
