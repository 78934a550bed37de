package wire

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"
)

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
