package registry

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// newTLSRig starts a registry over HTTPS, with a certificate that nobody
// trusts, for 127.0.0.1 and example.com.
func newTLSRig(t testing.TB) (*rig, *httptest.Server) {
	r := makeRig(t)
	server := httptest.NewUnstartedServer(r)
	server.Config.ConnState = r.connected
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(func() { stop(server) })
	r.host = server.Listener.Addr().String()
	return r, server
}

// certsDir writes a containerd certs.d: names and contents of files. HOST is
// the rig's.
func (r *rig) certsDir(files map[string]string) string {
	r.t.Helper()
	dir := r.t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, r.fill(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(r.fill(content)), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	return dir
}

// port is that of the rig.
func (r *rig) port() string { return r.host[strings.LastIndexByte(r.host, ':')+1:] }

// authority is the certificate that signed a server's.
func authority(server *httptest.Server) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// TestProbeUnreachable is who cannot be reached, and how that is told apart.
func TestProbeUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	plain := newRig(t)
	plain.single("manifest", "1", "linux/amd64")
	secure, _ := newTLSRig(t)
	secure.single("manifest", "1", "linux/amd64")

	for _, tt := range []struct {
		name, host, certs string
		reason            pull.Reason
		detail            string
	}{
		{"nobody listens", closed.Addr().String(), "", pull.RegistryUnreachable, "connect: connection refused"},
		{"no such name", "registry.invalid", "", pull.RegistryUnreachable, "registry.invalid: dial tcp: lookup registry.invalid"},
		{"DNS does not answer", "silent.test", "", pull.Timeout, "silent.test: "},
		{"a name of a forbidden address", "metadata.test", "", pull.AddressForbidden, "169.254.169.254 is a link-local address"},
		{"HTTPS to HTTP by a name", "plain.loop.test:" + plain.port(), "", pull.RegistryUnreachable, "http: server gave HTTP response to HTTPS client"},
		{"an authority that is not trusted", "example.com:" + secure.port(), "", pull.UntrustedCertificate, "certificate signed by unknown authority"},
		{"an untrusted certificate on loopback, to be verified", secure.host, "skip_verify = false", pull.UntrustedCertificate, "certificate signed by unknown authority"},
		{"an untrusted certificate on loopback", secure.host, "", pull.ReasonPullable, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := ""
			if tt.certs != "" {
				dir = secure.certsDir(map[string]string{tt.host + "/hosts.toml": `server = "https://` + tt.host + "\"\n" + tt.certs})
			}
			ctx := t.Context()
			if tt.reason == pull.Timeout {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			finding := client(t, dir).Probe(ctx, pull.Query{Image: named(t, tt.host+"/app:1"), Platforms: list("linux/amd64")})
			if finding.Reason != tt.reason || !strings.Contains(finding.Detail, tt.detail) {
				t.Errorf("%+v, want %s with %q", finding, tt.reason, tt.detail)
			}
			sane(t, finding)
		})
	}
}

// TestProbeTLSSettings is how hosts.toml makes a certificate good.
func TestProbeTLSSettings(t *testing.T) {
	r, server := newTLSRig(t)
	r.single("manifest", "1", "linux/amd64")
	for _, tt := range []struct {
		name   string
		files  map[string]string
		reason pull.Reason
	}{
		{"ca", map[string]string{"hosts.toml": `ca = "ca.pem"`, "ca.pem": authority(server)}, pull.ReasonPullable},
		{"cas", map[string]string{"hosts.toml": `ca = ["ca.pem"]`, "ca.pem": authority(server)}, pull.ReasonPullable},
		{"docker's own layout", map[string]string{"any.crt": authority(server)}, pull.ReasonPullable},
		{"skip_verify", map[string]string{"hosts.toml": `skip_verify = true`}, pull.ReasonPullable},
		{"nothing", map[string]string{"hosts.toml": ``}, pull.UntrustedCertificate},
		{"no hosts.toml", map[string]string{"readme": ``}, pull.UntrustedCertificate},
		{"a hosts.toml that cannot be read", map[string]string{"hosts.toml": `skip_verify = maybe`}, pull.UntrustedCertificate},
		{"a ca that is not there", map[string]string{"hosts.toml": `ca = "gone.pem"`}, pull.RegistryError},
		{"a ca that is none", map[string]string{"hosts.toml": `ca = "ca.pem"`, "ca.pem": "x"}, pull.RegistryError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for name, content := range tt.files {
				files["example.com:"+r.port()+"/"+name] = content
			}
			query := pull.Query{Image: named(t, "example.com:"+r.port()+"/app:1"), Platforms: list("linux/amd64")}
			finding := client(t, r.certsDir(files)).Probe(t.Context(), query)
			if finding.Reason != tt.reason {
				t.Errorf("%+v, want %s", finding, tt.reason)
			}
			sane(t, finding)
		})
	}
}

// TestConnectionsShared makes sure that what is asked with equal TLS settings
// shares connections, whatever the repository.
func TestConnectionsShared(t *testing.T) {
	r, server := newTLSRig(t)
	r.single("manifest", "1", "linux/amd64")
	host := "example.com:" + r.port()
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.URL.Path = strings.NewReplacer("/v2/lib/", "/v2/app/", "/v2/a/b/", "/v2/app/").Replace(req.URL.Path)
			next.ServeHTTP(w, req)
		})
	})
	c := client(t, r.certsDir(map[string]string{host + "/hosts.toml": `ca = "ca.pem"`, host + "/ca.pem": authority(server)}))
	for _, name := range []string{"app:1", "lib:1", "a/b:1"} {
		c.Probe(t.Context(), pull.Query{Image: named(t, host+"/"+name), Platforms: list("linux/amd64")})
	}
	if n := r.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}
