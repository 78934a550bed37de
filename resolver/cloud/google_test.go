package cloud

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGoogleScope(t *testing.T) {
	for host, want := range map[string]string{
		"gcr.io": "google", "eu.gcr.io": "google", "europe-docker.pkg.dev": "google", "container.cloud.google.com": "google",
		"pkg.dev": "", "a.b.gcr.io": "", "a.b.pkg.dev": "", "gcr.io.evil.example": "", "evilgcr.io": "", "gcr.io:443": "", "docker.io": "", "www.google.com": "",
	} {
		if got := (Google{}).Scope(host); got != want {
			t.Errorf("%s: scope %q, want %q", host, got, want)
		}
	}
}

// serviceAccount writes a key file whose tokens come from a server.
func serviceAccount(t *testing.T, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "pullgate@project.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A service account's key: a signed assertion is exchanged for a token.
func TestGoogleKeyFile(t *testing.T) {
	tokens := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Count(r.FormValue("assertion"), ".") != 2 {
			t.Errorf("the assertion is %q", r.FormValue("assertion"))
		}
		answer(w, http.StatusOK, map[string]any{"access_token": marker, "expires_in": 3600, "token_type": "Bearer"})
	})
	environment(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, tokens)})
	credential, until, err := (Google{}).Login(t.Context(), "google")
	wantLogin(t, "cloud/google", "_token", marker, time.Hour, credential, until, err)
}

// The metadata server: of an instance, or of GKE's workload identity. It hands
// out tokens that are not new.
func TestGoogleMetadata(t *testing.T) {
	var code int
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Metadata-Flavor") != "Google":
			http.Error(w, "no flavour", http.StatusForbidden)
		case r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/token":
			_, _ = fmt.Fprint(w, "project")
		case code != 0:
			http.Error(w, marker, code)
		default:
			answer(w, http.StatusOK, map[string]any{"access_token": marker, "expires_in": 600, "token_type": "Bearer"})
		}
	})
	environment(t, map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(host, "http://")})
	credential, until, err := (Google{}).Login(t.Context(), "google")
	wantLogin(t, "cloud/google", "_token", marker, 10*time.Minute, credential, until, err)
	code = http.StatusNotFound
	credential, _, err = (Google{}).Login(t.Context(), "google")
	wantNoLogin(t, credential, err, googleAdvice+": ", "service-accounts/default/token")
}

func TestGoogleFailures(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "account not found"})
	}
	tests := map[string]struct {
		file, want string
	}{
		"no file":         {filepath.Join(t.TempDir(), "none.json"), "open $GOOGLE_APPLICATION_CREDENTIALS: no such file"},
		"refused":         {serviceAccount(t, serve(t, refuse)), "the identity was refused: 400 Bad Request invalid_grant account not found"},
		"an error's page": {serviceAccount(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, marker, http.StatusBadGateway) })), "the identity was refused: 502 Bad Gateway"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			environment(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": test.file})
			credential, _, err := (Google{}).Login(t.Context(), "google")
			wantNoLogin(t, credential, err, googleAdvice+": ", test.want)
		})
	}
}

// silence is a token endpoint that takes a request and never answers. Who gives
// a request up closes it.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A token endpoint that never answers is given up: the library does not look at
// the context of a login with a key.
func TestGoogleSilence(t *testing.T) {
	environment(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, "https://tokens.example")})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		credential, _, err := Google{Transport: silence{}}.Login(t.Context(), "google")
		wantNoLogin(t, credential, err, googleAdvice+": ", "tokens.example")
		if took := time.Since(start); took != maxRequest {
			t.Errorf("it took %s, want %s", took, maxRequest)
		}
	})
}
