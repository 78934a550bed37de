package wire

import (
	"crypto/tls"
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
}

// New returns a Wire that dials what guard lets through and tells observe of
// every request; observe may be nil.
func New(guard Guard, observe Observer) *Wire {
	if observe == nil {
		observe = func(string, string, int, time.Duration) {}
	}
	link := newLink(guard)
	return &Wire{
		link: link, observe: observe,
		secure:   link.transport(&tls.Config{}),
		insecure: link.transport(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // as containerd on loopback
	}
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

// Over is our transport over another way to registries.
func (w *Wire) Over(base http.RoundTripper) http.RoundTripper {
	return &transport{base: base, link: w.link, observe: w.observe}
}

// baseFor shares connections among hosts with equal TLS settings.
func (w *Wire) baseFor(settings *tls.Config) *http.Transport {
	switch {
	case settings.RootCAs != nil || len(settings.Certificates) > 0:
		return w.special.get(settings, w.link)
	case settings.InsecureSkipVerify:
		return w.insecure
	default:
		return w.secure
	}
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
