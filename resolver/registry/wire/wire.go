package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Wire is all connections to registries. It is safe for concurrent use.
type Wire struct {
	link     *link
	observe  Observer
	secure   *http.Transport // for hosts without TLS settings of their own
	insecure *http.Transport // for loopback hosts, which containerd does not verify
	special  specialTransports
	more     []string       // CAs besides the system's
	trusted  *x509.CertPool // the system's and more; nil: the system's
	pauses   *pauses
	large    Room
}

// New returns a Wire that dials what guard lets through, has patience with
// registries that answer 429, and tells observe of every request; observe may
// be nil. Questions that read much share large with those of other Wires. More are
// CAs in PEM that are trusted besides the system's.
func New(guard Guard, patience Patience, observe Observer, large Room, more ...string) *Wire {
	if observe == nil {
		observe = func(string, string, int, time.Duration) {}
	}
	link, trusted := newLink(guard), withMore(nil, more)
	return &Wire{
		link: link, observe: observe, more: more, trusted: trusted, pauses: &pauses{patience: patience}, large: large,
		secure:   link.transport(&tls.Config{RootCAs: trusted}),
		insecure: link.transport(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // as containerd on loopback
	}
}

// Question gives what is asked within a context the patience of one question about
// a registry's image, and bounds what is read of the answers until done is called.
func (w *Wire) Question(ctx context.Context, registry string) (question context.Context, done func()) {
	read := &reading{room: w.large, registry: registry}
	return context.WithValue(w.pauses.question(ctx), readingKey{}, read), read.end
}

// Equip puts our transport in the place of the library's, with its TLS
// settings. It is for config.HostOptions.UpdateClient.
func (w *Wire) Equip(client *http.Client) error {
	if _, done := client.Transport.(*transport); done {
		return nil
	}
	base := w.secure
	if theirs, ok := client.Transport.(*http.Transport); ok && theirs.TLSClientConfig != nil {
		base = w.baseFor(theirs.TLSClientConfig)
	}
	client.Transport = w.Over(base)
	return nil
}

// Unverified is a client like another one of ours that verifies nobody. What the
// other shows of itself, this one shows, too.
func (w *Wire) Unverified(client *http.Client) *http.Client {
	base := w.insecure
	if ours, ok := client.Transport.(*transport); ok {
		if over, ok := ours.base.(*http.Transport); ok && len(over.TLSClientConfig.Certificates) > 0 {
			settings := over.TLSClientConfig.Clone()
			settings.InsecureSkipVerify = true
			base = w.special.get(settings, w.link)
		}
	}
	return &http.Client{Transport: w.Over(base)}
}

// Over is our transport over another way to registries.
func (w *Wire) Over(base http.RoundTripper) http.RoundTripper {
	return &transport{base: base, link: w.link, observe: w.observe, pauses: w.pauses}
}

// baseFor shares connections among hosts with equal TLS settings.
func (w *Wire) baseFor(settings *tls.Config) *http.Transport {
	switch {
	case settings.RootCAs != nil || len(settings.Certificates) > 0:
		return w.special.get(w.trusting(settings), w.link)
	case settings.InsecureSkipVerify:
		return w.insecure
	default:
		return w.secure
	}
}

// trusting adds the CAs that are trusted everywhere to those of one host.
func (w *Wire) trusting(settings *tls.Config) *tls.Config {
	if len(w.more) == 0 {
		return settings
	}
	settings = settings.Clone()
	settings.RootCAs = withMore(settings.RootCAs, w.more)
	return settings
}

// withMore is a pool with more CAs; nil stands for the system's.
func withMore(pool *x509.CertPool, more []string) *x509.CertPool {
	if len(more) == 0 {
		return pool
	}
	if pool == nil {
		pool, _ = x509.SystemCertPool() // where there is none, more are all
	}
	if pool == nil {
		pool = x509.NewCertPool()
	} else {
		pool = pool.Clone()
	}
	for _, one := range more {
		pool.AppendCertsFromPEM([]byte(one))
	}
	return pool
}

// maxSpecial is for how many different TLS settings of hosts.toml connections
// are shared.
const maxSpecial = 64

// specialTransports are for hosts with TLS settings of their own.
type specialTransports struct {
	mu   sync.Mutex
	list []*http.Transport
}

// get returns the transport with such settings; a new one if need be.
func (s *specialTransports) get(settings *tls.Config, link *link) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.list {
		if sameSettings(known.TLSClientConfig, settings) {
			return known
		}
	}
	if len(s.list) == maxSpecial {
		s.list = slices.Delete(s.list, 0, 1)
	}
	fresh := link.transport(settings)
	s.list = append(s.list, fresh)
	return fresh
}

// sameSettings compares what hosts.toml can set.
func sameSettings(a, b *tls.Config) bool {
	return a.InsecureSkipVerify == b.InsecureSkipVerify && a.RootCAs.Equal(b.RootCAs) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
			return slices.EqualFunc(a.Certificate, b.Certificate, slices.Equal[[]byte])
		})
}
