package markers

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// Markers stand for the values of each kind of credential.
const (
	Secret   = "marker-pull-secret-7d1f" //nolint:gosec // it is nobody's
	Identity = "marker-identity-token-90aa"
	Token    = "marker-registry-token-3c52"
	Config   = "marker-config-json-e6b8"
	Provider = "marker-provider-output-18f4"
	Account  = "marker-service-account-token-5b7e" // where no API server issues a real one
	Cloud    = "marker-cloud-login-c0d9"
	Key      = "marker-cloud-key-44a1"
	Proxy    = "marker-proxy-password-2e6c"
	Header   = "marker-hosts-header-f853"
)

// InEnvironment lists those that the operator has put into the program's
// environment.
func InEnvironment() []string { return []string{Key, Proxy} }

// all are all of them.
func all() []string {
	return append([]string{Secret, Identity, Token, Config, Provider, Account, Cloud, Header}, InEnvironment()...)
}

// Told fails where a text has a marker, as it is or encoded, apart from those that
// may be there, or where it is empty: then nothing was looked at.
func (s *Surroundings) Told(t *testing.T, what, text string, but ...string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty", what)
	}
	for _, marker := range append(all(), s.more...) {
		forms := []string{marker, base64.StdEncoding.EncodeToString([]byte(marker)), auth(marker), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("\x00"+marker)), "=")[2:20]}
		for _, form := range forms {
			if !slices.Contains(but, marker) && strings.Contains(text, form) {
				t.Errorf("%s tells %s (%s)", what, marker, form)
			}
		}
	}
}

// Also has another one looked for.
func (s *Surroundings) Also(marker string) { s.more = append(s.more, marker) }

// Travelled fails where a marker never got to where it is for: then there was
// nothing to be told.
func (s *Surroundings) Travelled(t *testing.T, which ...string) {
	t.Helper()
	for _, marker := range which {
		if !s.saw(marker) {
			t.Errorf("%s was shown to nobody", marker)
		}
	}
}

// auth is how a docker configuration writes a password.
func auth(password string) string {
	return base64.StdEncoding.EncodeToString([]byte("user:" + password))
}
