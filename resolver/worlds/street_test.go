package worlds

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// street is where the registries of the world stand, under their own names and
// on their own port: a proxy that leads every connection to one TLS server,
// which has a certificate for them all. A proxy and certs.d are ways that
// Pullgate has for its users, too.
type street struct {
	proxy string // its URL
	certs string // certs.d, which trusts the server

	mu       sync.Mutex
	lives    http.Handler
	requests []request
}

// request is one that a registry got.
type request struct{ host, method, path string }

// newStreet opens a street; it is torn down with the test.
func newStreet(t *testing.T, names []string) *street {
	t.Helper()
	s := &street{certs: t.TempDir()}
	certificate, authority := certify(t, names)
	if err := os.MkdirAll(filepath.Join(s.certs, "_default"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.certs, "_default", "ca.crt"), authority, 0o600); err != nil {
		t.Fatal(err)
	}
	arriving := &arrivals{connections: make(chan net.Conn), closed: make(chan struct{})}
	quiet := log.New(io.Discard, "", 0)
	server := &http.Server{
		Handler: s, ErrorLog: quiet, ReadHeaderTimeout: time.Minute,
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{certificate}},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // HTTP/1.1, as containerd's transport
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.proxy = "http://" + listener.Addr().String()
	proxy := &http.Server{Handler: arriving, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.ServeTLS(arriving, "", "") })
	serving.Go(func() { _ = proxy.Serve(listener) })
	t.Cleanup(func() {
		_ = proxy.Close()
		_ = server.Close()
		serving.Wait()
	})
	return s
}

// settle lets a registry live in the street, alone.
func (s *street) settle(registry http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives, s.requests = registry, nil
}

// ServeHTTP records and answers.
func (s *street) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, request{r.Host, r.Method, r.URL.Path})
	lives := s.lives
	s.mu.Unlock()
	lives.ServeHTTP(w, r)
}

// asked returns what was asked since the last call.
func (s *street) asked() count {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c count
	for _, r := range s.requests {
		switch {
		case strings.Contains(r.path, "/manifests/") && r.method == http.MethodHead:
			c.head++
		case strings.Contains(r.path, "/manifests/"):
			c.get++
		case strings.HasSuffix(r.path, "/tags/list"):
			c.tags++
		case strings.Contains(r.path, "/blobs/"):
			c.blob++
		default:
			c.token++
		}
	}
	s.requests = nil
	return c
}

// arrivals are the connections that come by way of the proxy; a net.Listener.
type arrivals struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

// ServeHTTP answers CONNECT, whoever is asked for.
func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	select {
	case a.connections <- conn:
	case <-a.closed:
		_ = conn.Close()
	}
}

func (a *arrivals) Accept() (net.Conn, error) {
	select {
	case conn := <-a.connections:
		return conn, nil
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

func (a *arrivals) Close() error {
	a.once.Do(func() { close(a.closed) })
	return nil
}

func (a *arrivals) Addr() net.Addr { return &net.TCPAddr{} }

// certify makes an authority and a certificate for all names.
func certify(t *testing.T, names []string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the world's registries"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority
}
