package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProxies makes sure that the proxy which the operator chose is dialled
// wherever it is, and that nobody gets past the guard by it.
func TestProxies(t *testing.T) {
	var through []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		through = append(through, req.Method+" "+req.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	address := proxy.Listener.Addr().String()
	t.Setenv("HTTPS_PROXY", "http://"+address)
	t.Setenv("HTTP_PROXY", address)
	t.Setenv("NO_PROXY", "direct.loop.test")
	for _, tt := range []struct {
		image   string
		reason  pull.Reason
		detail  string
		through string
	}{
		{"registry.example/app:1", pull.RegistryUnreachable, "Bad Gateway", "CONNECT registry.example:443"},
		{"169.254.169.254/app:1", pull.AddressForbidden, "link-local", ""},
		{"168.63.129.16/app:1", pull.AddressForbidden, "metadata", ""},
		{"[::ffff:a9fe:a9fe]:80/app:1", pull.AddressForbidden, "link-local", ""},
		{"metadata.google.internal/app:1", pull.AddressForbidden, "link-local", ""},
		{"registry.localhost/app:1", pull.AddressForbidden, "loopback", ""},
		{"localhost:5000/app:1", pull.AddressForbidden, "loopback", ""},
		{"127.0.0.1:5000/app:1", pull.AddressForbidden, "loopback", ""},
		{"direct.loop.test/app:1", pull.AddressForbidden, "loopback", ""},
		{address + "/app:1", pull.AddressForbidden, "loopback", ""},
	} {
		through = nil
		finding := NewClient(Options{}).Probe(t.Context(), pull.Query{Image: named(t, tt.image)})
		if finding.Reason != tt.reason || !strings.Contains(finding.Detail, tt.detail) {
			t.Errorf("%s: %+v, want %s with %q", tt.image, finding, tt.reason, tt.detail)
		}
		if got := strings.Join(through, ", "); got != tt.through {
			t.Errorf("%s: through the proxy went %q, want %q", tt.image, got, tt.through)
		}
	}
}
