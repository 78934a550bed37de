package cloud

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// marker is in every secret value, and must be in no error.
const marker = "s3cr3t"

// environment clears what the libraries look at, then sets what a test says.
func environment(t *testing.T, settings map[string]string) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_PROFILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": "", "AZURE_CLIENT_CERTIFICATE_PATH": "", "AZURE_TENANT_ID": "",
		"AZURE_FEDERATED_TOKEN_FILE": "", "AZURE_AUTHORITY_HOST": "", "IDENTITY_ENDPOINT": "", "MSI_ENDPOINT": "",
		"GOOGLE_APPLICATION_CREDENTIALS": "",
	} {
		t.Setenv(name, value)
	}
	for name, value := range settings {
		t.Setenv(name, value)
	}
}

// serve starts a server for a test.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// answer writes an object as JSON.
func answer(w http.ResponseWriter, code int, object map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

// wantLogin fails unless a login gave the credential, for about so long.
func wantLogin(t *testing.T, source, username, password string, life time.Duration, credential pull.Credential, until time.Time, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	user, pass := credential.Basic()
	if credential.Source().String() != source || user != username || pass != password {
		t.Errorf("got %s: %s:%s, want %s: %s:%s", credential.Source(), user, pass, source, username, password)
	}
	if off := time.Until(until) - life; off > time.Minute || off < -time.Minute {
		t.Errorf("it holds until %s, want about %s from now", until, life)
	}
}

// wantNoLogin fails unless a login failed, with all of the words and no secret.
func wantNoLogin(t *testing.T, credential pull.Credential, err error, words ...string) {
	t.Helper()
	if err == nil || !credential.IsAnonymous() {
		t.Fatalf("got %s, error %v", credential, err)
	}
	if text := err.Error(); strings.Contains(text, marker) || strings.Contains(text, "\n") || len(text) > 400 {
		t.Errorf("the error is %q", text)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("no %q in %q", word, err)
		}
	}
}
