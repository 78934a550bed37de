//go:build linux

package chaos

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

// The two addresses between which the registry moves.
var (
	home = netip.MustParseAddr("127.0.0.1")
	away = netip.MustParseAddr("127.0.0.3")
)

// saboteur stands before the registries, as one at two addresses, and does to it
// what networks and servers do.
type saboteur struct {
	host   string
	open   http.Handler // anybody pulls from it
	closed http.Handler // wants tokens, and gives them
	doors  map[netip.Addr]*door
	server *http.Server
	trusts *pki.Authority

	fault       atomic.Pointer[http.HandlerFunc] // nil: none
	certificate atomic.Pointer[tls.Certificate]
	stuck       atomic.Bool // in handshakes
	connections atomic.Int64

	mu     sync.Mutex
	tokens map[string]time.Time // when each was shown first
}

// newSaboteur makes one that waits for its registries.
func newSaboteur(t *testing.T) *saboteur {
	t.Helper()
	s := &saboteur{doors: map[netip.Addr]*door{}, tokens: map[string]time.Time{}}
	var err error
	if s.trusts, err = pki.NewAuthority("registries"); err != nil {
		t.Fatal(err)
	}
	s.showCertificate(t, s.trusts)
	port := ":0"
	for _, address := range []netip.Addr{home, away} {
		listener, err := net.Listen("tcp", address.String()+port)
		if err != nil {
			t.Fatal(err)
		}
		port = listener.Addr().String()[strings.LastIndexByte(listener.Addr().String(), ':'):]
		s.doors[address] = &door{TCPListener: listener.(*net.TCPListener)}
	}
	s.host = registryName + port
	return s
}

// serve lets it take requests for these registries.
func (s *saboteur) serve(t *testing.T, l *lab.Lab) {
	s.open, s.closed = minting{l.Open}, l.Token
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.connections.Add(-1)
		default:
		}
	}}
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if s.stuck.Load() {
			silence(hello.Context())
		}
		return s.certificate.Load(), nil
	}}
	for _, door := range s.doors {
		go func() { _ = s.server.Serve(tls.NewListener(door, config)) }()
	}
	t.Cleanup(func() { _ = s.server.Close() })
}

// ServeHTTP does what is the matter now.
func (s *saboteur) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	local, err := netip.ParseAddrPort(r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
	if err == nil && s.doors[local.Addr()].frozen.Load() {
		hang(w, r)
		return
	}
	if fault := s.fault.Load(); fault != nil {
		(*fault)(w, r)
		return
	}
	s.sound(w, r)
}

// sound answers as a registry that nothing is the matter with.
func (s *saboteur) sound(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/token") || strings.HasPrefix(r.URL.Path, "/v2/shop/private/") {
		s.closed.ServeHTTP(&ours{w, s.host, ""}, r)
		return
	}
	s.open.ServeHTTP(w, r)
}

// challenge refuses a request for its token.
func (s *saboteur) challenge(w http.ResponseWriter, r *http.Request) {
	r = r.Clone(r.Context())
	r.Header.Del("Authorization")
	s.closed.ServeHTTP(&ours{w, s.host, `,error="invalid_token"`}, r)
}

// ours says in challenges where tokens are: here.
type ours struct {
	http.ResponseWriter
	host, more string
}

// WriteHeader changes the challenge.
func (o *ours) WriteHeader(status int) {
	if challenge := o.Header().Get("WWW-Authenticate"); challenge != "" {
		_, after, _ := strings.Cut(challenge, "https://")
		_, after, _ = strings.Cut(after, "/")
		o.Header().Set("WWW-Authenticate", `Bearer realm="https://`+o.host+"/"+after+o.more)
	}
	o.ResponseWriter.WriteHeader(status)
}

// showCertificate has it show a new certificate.
func (s *saboteur) showCertificate(t *testing.T, authority *pki.Authority) {
	t.Helper()
	pair, err := authority.Server(registryName)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	s.certificate.Store(&certificate)
}

// anew tells whether each request needs a connection of its own.
func (s *saboteur) anew(needed bool) { s.server.SetKeepAlivesEnabled(!needed) }

// door is where connections come in. A frozen one takes them and answers nothing;
// a closed one takes none.
type door struct {
	*net.TCPListener
	frozen, closed atomic.Bool
}

// Accept takes a connection, if the door is open.
func (d *door) Accept() (net.Conn, error) {
	for {
		connection, err := d.TCPListener.Accept()
		if err != nil || !d.frozen.Load() && !d.closed.Load() {
			return connection, err
		}
		time.AfterFunc(time.Minute, func() { _ = connection.Close() })
		for d.closed.Load() {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// shut lets no further connection come about: who asks for one is not answered.
func (d *door) shut(shut bool) error {
	backlog := unix.SOMAXCONN
	if shut {
		backlog = 0
	}
	d.closed.Store(shut)
	raw, err := d.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.Listen(int(fd), backlog) })
	if err == nil {
		err = failed
	}
	// What the system takes nevertheless, before the queue is full.
	for range 2 {
		if connection, err := net.DialTimeout("tcp", d.Addr().String(), 100*time.Millisecond); err == nil && shut {
			time.AfterFunc(time.Minute, func() { _ = connection.Close() })
		} else if err == nil {
			_ = connection.Close()
		}
	}
	return err
}

// silence waits until nobody waits any more.
func silence(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
}

// minting has an image in every repository below new/, each another one.
type minting struct{ others http.Handler }

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	mintedConfig = `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`
)

// ServeHTTP makes the image that is asked for.
func (m minting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	repository, isNew := strings.CutPrefix(r.URL.Path, "/v2/new/")
	if !isNew {
		m.others.ServeHTTP(w, r)
		return
	}
	repository, kind, _ := strings.Cut(repository, "/")
	body, mediaType := []byte(mintedConfig), "application/vnd.oci.image.config.v1+json"
	if strings.HasPrefix(kind, "manifests/") {
		mediaType = manifestType
		body = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[],"annotations":{"of":%q}}`,
			manifestType, digest([]byte(mintedConfig)), len(mintedConfig), repository)
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", digest(body))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
