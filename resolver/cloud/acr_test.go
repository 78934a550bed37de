package cloud

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestACRScope(t *testing.T) {
	for host, want := range map[string]string{
		"acme.azurecr.io": "acme.azurecr.io", "acme.azurecr.cn": "acme.azurecr.cn", "acme.azurecr.us": "acme.azurecr.us", "acme.azurecr.de": "acme.azurecr.de",
		"azurecr.io": "", ".azurecr.io": "", "acme.azurecr.io:5000": "", "a.b.azurecr.io": "", "acme.azurecr.io.evil.example": "", "mcr.microsoft.com": "",
	} {
		if got := NewACR(nil, nil).Scope(host); got != want {
			t.Errorf("%s: scope %q, want %q", host, got, want)
		}
	}
}

// azure is all that is asked, in one: the identity's authority, the metadata
// server and a registry.
type azure struct {
	t        *testing.T
	asked    []string
	token    http.HandlerFunc // of the authority; nil: gives one
	exchange http.HandlerFunc // of the registry; nil: exchanges
}

func (a *azure) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	a.asked = append(a.asked, r.URL.Host+r.URL.Path)
	switch {
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		answer(recorder, http.StatusOK, map[string]any{"tenant_discovery_endpoint": "https://login.microsoftonline.com/tenant/v2.0/.well-known/openid-configuration",
			"metadata": []any{map[string]any{"preferred_network": "login.microsoftonline.com", "preferred_cache": "login.windows.net", "aliases": []string{"login.microsoftonline.com"}}}})
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		answer(recorder, http.StatusOK, map[string]any{"issuer": "https://login.microsoftonline.com/tenant/v2.0",
			"authorization_endpoint": "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize", "token_endpoint": "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"})
	case r.URL.Path == "/oauth2/exchange" && a.exchange != nil:
		a.exchange(recorder, r)
	case r.URL.Path == "/oauth2/exchange":
		if r.Method != http.MethodPost || r.URL.Scheme != "https" || r.FormValue("access_token") != "aad-"+marker || r.FormValue("service") != r.URL.Host || r.FormValue("grant_type") != "access_token" {
			a.t.Errorf("exchange of %s", r.Form)
		}
		answer(recorder, http.StatusOK, map[string]any{"refresh_token": "acr-" + marker})
	case a.token != nil:
		a.token(recorder, r)
	default:
		answer(recorder, http.StatusOK, map[string]any{"access_token": "aad-" + marker, "expires_in": 86400, "expires_on": "4102444800", "token_type": "Bearer"})
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// identities are the environments of each kind, with what it asks. The library
// keeps the tokens of managed identities for the whole process.
func identities(t *testing.T) map[string]struct {
	settings map[string]string
	asks     string
} {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(marker), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		settings map[string]string
		asks     string
	}{
		"service principal": {map[string]string{"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": marker}, "login.microsoftonline.com/tenant/oauth2/v2.0/token"},
		"workload identity": {map[string]string{"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_FEDERATED_TOKEN_FILE": file}, "login.microsoftonline.com/tenant/oauth2/v2.0/token"},
		"managed identity":  {map[string]string{"AZURE_CLIENT_ID": "client"}, "169.254.169.254/metadata/identity/oauth2/token"},
	}
}

func TestACRLogin(t *testing.T) {
	for name, identity := range identities(t) {
		t.Run(name, func(t *testing.T) {
			environment(t, identity.settings)
			cloud := &azure{t: t}
			acr := NewACR(cloud, cloud)
			credential, until, err := acr.Login(t.Context(), "acme.azurecr.io")
			wantLogin(t, "cloud/acr", acrUser, "acr-"+marker, 3*time.Hour, credential, until, err)
			if asked := strings.Join(cloud.asked, " "); !strings.Contains(asked, identity.asks) || !strings.HasSuffix(asked, " acme.azurecr.io/oauth2/exchange") {
				t.Errorf("it asked %s", asked)
			}
			cloud.asked = nil
			if _, _, err := acr.Login(t.Context(), "other.azurecr.io"); err != nil || len(cloud.asked) != 1 {
				t.Errorf("for another registry it asked %q (%v), want its identity's token to be kept", cloud.asked, err)
			}
		})
	}
}

func TestACRFailures(t *testing.T) {
	refused := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"})
	}
	tests := map[string]struct {
		identity, host  string
		token, exchange http.HandlerFunc
		want            string
	}{
		"refused principal": {identity: "service principal", token: refused, want: "the identity was refused: 401 Unauthorized invalid_client AADSTS7000215"},
		"refused workload":  {identity: "workload identity", token: refused, want: "the identity was refused: 401 Unauthorized invalid_client AADSTS7000215"},
		"no identity": {want: "Identity not found", token: func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "Identity not found"})
		}},
		"no exchange": {identity: "service principal", want: "acme.azurecr.io answered 401 Unauthorized to the exchange of tokens", exchange: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, marker, http.StatusUnauthorized)
		}},
		"exchanged for nothing": {identity: "service principal", want: "answered the exchange of tokens without one", exchange: func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"token": marker})
		}},
		"redirected": {identity: "service principal", want: "answered 307 Temporary Redirect", exchange: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://evil.example/oauth2/exchange")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
		"another cloud": {identity: "service principal", host: "acme.azurecr.cn", want: "acme.azurecr.cn is of another cloud than the identity, whose registries are *.azurecr.io"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"AZURE_CLIENT_ID": "stranger"} // with no token that is kept
			if test.identity != "" {
				settings = identities(t)[test.identity].settings
			}
			environment(t, settings)
			if test.host == "" {
				test.host = "acme.azurecr.io"
			}
			cloud := &azure{t: t, token: test.token, exchange: test.exchange}
			credential, _, err := NewACR(cloud, cloud).Login(t.Context(), test.host)
			wantNoLogin(t, credential, err, acrAdvice+": ", test.want)
			for _, asked := range cloud.asked {
				if strings.HasPrefix(asked, "evil.") || strings.Contains(asked, "azurecr.cn") {
					t.Errorf("it asked %s", asked)
				}
			}
		})
	}
}

func TestAzureDomain(t *testing.T) {
	for authority, want := range map[string]string{
		"": ".azurecr.io", "https://login.microsoftonline.com/": ".azurecr.io", "https://login.chinacloudapi.cn/": ".azurecr.cn",
		"https://login.partner.microsoftonline.cn": ".azurecr.cn", "https://login.microsoftonline.us": ".azurecr.us", "https://login.microsoftonline.de/": ".azurecr.de",
	} {
		if got := azureDomain(authority); got != want {
			t.Errorf("%q: %s, want %s", authority, got, want)
		}
	}
}
