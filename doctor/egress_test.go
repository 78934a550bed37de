package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestSilentRegistries: each way in which a registry cannot be asked has its name.
func TestSilentRegistries(t *testing.T) {
	get := func(err error) error { return &url.Error{Op: "Get", URL: "https://registry.example/v2/", Err: err} }
	for _, test := range []struct {
		name  string
		ping  Ping
		code  Code
		wants string
	}{
		{"DNS", Ping{Err: &net.DNSError{Err: "i/o timeout", Name: "registry.example", IsTimeout: true}}, RegistryNotFound, "dnsConfig"},
		{"authority", Ping{Err: get(x509.UnknownAuthorityError{})}, RegistryUntrusted, "--set-file extraCAs=FILE"},
		{"refused", Ping{Err: get(&net.OpError{Op: "dial", Err: errors.New("connection refused")})}, RegistryNoRoute, "HTTPS_PROXY"},
		{"nothing", Ping{Err: get(context.DeadlineExceeded)}, RegistryNoRoute, "get networkpolicies"},
		{"proxy", Ping{Proxy: "http://proxy:3128", Err: get(&net.OpError{Op: "proxyconnect", Err: &net.DNSError{Name: "proxy"}})}, ProxyUnreachable, "the proxy http://proxy:3128"},
	} {
		t.Run(test.name, func(t *testing.T) {
			record := well(t)
			test.ping.Host = "registry.example"
			record.Registries = []Ping{{Host: "good.example", Status: "200 OK"}, test.ping}
			check := checkRegistries(record)
			if check.Code != test.code {
				t.Errorf("%s: %s", check.Code, check.Text)
			}
			text := check.Text
			for _, remedy := range check.Remedies {
				text += remedy.Command
			}
			if !strings.Contains(text, test.wants) {
				t.Errorf("no %q in %s", test.wants, text)
			}
		})
	}
}

// TestAllSilentRegistries: each that gives no answer is named, and what helps several
// is said once.
func TestAllSilentRegistries(t *testing.T) {
	record := well(t)
	refused := &url.Error{Op: "Get", URL: "https://r.example/v2/", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}
	record.Registries = []Ping{
		{Host: "one.example", Err: refused}, {Host: "good.example", Status: "200 OK"}, {Host: "two.example", Err: refused},
		{Host: "three.example", Err: &url.Error{Op: "Get", URL: "https://three.example/v2/", Err: x509.UnknownAuthorityError{}}},
	}
	check := checkRegistries(record)
	for _, host := range []string{"one.example", "two.example", "three.example"} {
		if !strings.Contains(check.Text, host) {
			t.Errorf("%s is not named: %s", host, check.Text)
		}
	}
	if strings.Contains(check.Text, "good.example") || check.Code != RegistryNoRoute || len(check.Evidence) != 3 || len(check.Remedies) != 3 {
		t.Errorf("%s: %s; %d lines of evidence, %d remedies", check.Code, check.Text, len(check.Evidence), len(check.Remedies))
	}
}

// TestPings: whatever a registry answers is an answer; one on this machine may have
// no TLS.
func TestPings(t *testing.T) {
	plain, secured := httptest.NewServer(nil), httptest.NewTLSServer(nil)
	defer plain.Close()
	defer secured.Close()
	host := func(address string) string { _, host, _ := strings.Cut(address, "://"); return host }
	got := pings(t.Context(), []string{host(plain.URL), host(secured.URL)})
	if got[0].Err != nil || !strings.HasPrefix(got[0].Status, "404") {
		t.Errorf("without TLS: %+v", got[0])
	}
	if check := silent(well(t), got[1]); check.Code != RegistryUntrusted {
		t.Errorf("an unknown authority: %+v", got[1])
	}
}
