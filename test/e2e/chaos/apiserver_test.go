//go:build linux

package chaos

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

// between stands between Pullgate and the API server, and keeps it waiting for
// Secrets.
type between struct {
	dir    string
	delay  atomic.Int64 // of a time.Duration, for each read of a Secret
	server *http.Server
}

func newBetween(t *testing.T) *between {
	b := &between{dir: t.TempDir()}
	t.Cleanup(func() {
		if b.server != nil {
			_ = b.server.Close()
		}
	})
	return b
}

// kubeconfig is the flag with which Pullgate asks the API server by way of it.
func (b *between) kubeconfig(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	own, err := c.ServiceAccountKubeconfig(ctx, "pullgate-system", "pullgate")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(own)
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     []byte `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal(text, &config); err != nil || len(config.Clusters) != 1 {
		return nil, fmt.Errorf("read %s: %d clusters, %w", own, len(config.Clusters), err)
	}
	to := config.Clusters[0].Cluster
	address, authority, err := b.serve(to.Server, to.CA)
	if err != nil {
		return nil, err
	}
	encoded := func(ca []byte) string { text, _ := json.Marshal(ca); return string(text) }
	changed := strings.NewReplacer(to.Server, address, encoded(to.CA), encoded(authority)).Replace(string(text))
	file := filepath.Join(b.dir, "between.kubeconfig")
	return []string{"--kubeconfig", file}, os.WriteFile(file, []byte(changed), 0o600)
}

// serve passes requests on, with whatever they show to prove who sends them.
func (b *between) serve(to string, ca []byte) (address string, authority []byte, err error) {
	target, err := url.Parse(to)
	if err != nil {
		return "", nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: atOnce}
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as if it were not between
	listener, authorityPEM, err := listenTLS("127.0.0.1")
	if err != nil {
		return "", nil, err
	}
	b.server = &http.Server{ErrorLog: proxy.ErrorLog, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/secrets/regcred-") {
			select {
			case <-time.After(time.Duration(b.delay.Load())):
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = b.server.Serve(listener) }()
	return "https://" + listener.Addr().String(), authorityPEM, nil
}

// listenTLS listens at a port of this machine, with a certificate for the address.
func listenTLS(address string) (net.Listener, []byte, error) {
	authority, err := pki.NewAuthority("between")
	if err != nil {
		return nil, nil, err
	}
	pair, err := authority.Server(address)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := pair.TLS()
	if err != nil {
		return nil, nil, err
	}
	listener, err := tls.Listen("tcp", net.JoinHostPort(address, "0"), &tls.Config{Certificates: []tls.Certificate{certificate}})
	return listener, authority.PEM, err
}
