package wire

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/pullgate/pullgate/resolver/toll"
)

// TestLeave: what there is no leave for is not sent.
func TestLeave(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: New(Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Patience{}, nil, NewRoom()).Over(http.DefaultTransport)}
	no := errors.New("no leave")
	for _, leave := range []error{nil, no} {
		ctx := toll.Before(t.Context(), func(host string) error {
			if want := server.Listener.Addr().String(); host != want {
				t.Errorf("leave is asked for %s, want %s", host, want)
			}
			return leave
		})
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if !errors.Is(err, leave) {
			t.Errorf("%v, want %v", err, leave)
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
	if asked != 1 {
		t.Errorf("%d requests, want 1", asked)
	}
}

// TestSameSettings tells TLS settings of hosts.toml apart.
func TestSameSettings(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	again := x509.NewCertPool()
	again.AddCert(server.Certificate())
	certificates := server.TLS.Certificates
	var known specialTransports
	link := newLink(Guard{})
	first := known.get(&tls.Config{RootCAs: pool}, link)
	for name, tt := range map[string]struct {
		settings *tls.Config
		same     bool
	}{
		"equal":          {&tls.Config{RootCAs: again}, true},
		"no authorities": {&tls.Config{Certificates: certificates}, false},
		"a certificate":  {&tls.Config{RootCAs: again, Certificates: certificates}, false},
		"unverified":     {&tls.Config{RootCAs: again, InsecureSkipVerify: true}, false},
		"others":         {&tls.Config{RootCAs: x509.NewCertPool()}, false},
	} {
		if same := known.get(tt.settings, link) == first; same != tt.same {
			t.Errorf("%s: same %t, want %t", name, same, tt.same)
		}
	}
	for range 2 * maxSpecial {
		certificate := tls.Certificate{Certificate: [][]byte{[]byte(rand.Text())}}
		known.get(&tls.Config{Certificates: []tls.Certificate{certificate}}, link)
	}
	if len(known.list) != maxSpecial {
		t.Errorf("%d kept, want %d", len(known.list), maxSpecial)
	}
}
