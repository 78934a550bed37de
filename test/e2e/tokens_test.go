package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

const (
	// audience is for whom the provider's tokens are.
	audience = "registry.example"
	// welcome is whom the provider gives a password.
	welcome = "system:serviceaccount:tokens:puller"
)

// asProvider makes the test binary a credential provider that gives a password
// to one ServiceAccount and a stale one to all others.
func asProvider() int {
	var request struct{ Image, ServiceAccountToken string }
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return 1
	}
	password := "last-years-password"
	if claims := claimsOf(request.ServiceAccountToken); claims.Sub == welcome && slices.Equal(claims.Aud, []string{audience}) {
		password = lab.Password
	}
	host, _, _ := strings.Cut(request.Image, "/")
	fmt.Printf(`{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse","cacheKeyType":"Image","auth":{%q:{"username":%q,"password":%q}}}`,
		host, lab.User, password)
	return 0
}

type claims struct {
	Sub string   `json:"sub"`
	Aud []string `json:"aud"`
}

// claimsOf reads what a token says, and believes it.
func claimsOf(token string) (read claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return read
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &read) != nil {
		return claims{}
	}
	return read
}

// testTokens lets a credential provider work with ServiceAccounts' tokens:
// without the right to have them issued, and with what the chart gives.
func testTokens(t *testing.T, r *rig.Rig) {
	s, other := newStage(t, r, "tokens"), newStage(t, r, "tokens-elsewhere")
	s.installProvider()
	defer s.configure(rolloutsConfig)
	for _, account := range []string{"puller", "stranger"} {
		s.must("create", "serviceaccount", account)
	}
	const noRight = "pullgate has no right to create serviceaccounts/token for "
	s.wantUnknown("tokenless", noRight+"tokens/default")
	s.must("apply", "-f", absolute(t, filepath.Join("testdata", "rbac-tokens.yaml")))
	s.await("the right to have tokens issued", func() bool {
		account := "system:serviceaccount:" + r.Gate.Namespace + ":" + r.Gate.Account
		return strings.TrimSpace(s.kubectl("auth", "can-i", "create", "serviceaccounts", "--subresource=token", "--as="+account).Stdout) == "yes"
	})
	private := r.Lab.Token.Ref("shop/private:1.0")
	if result := s.apply(deployment("token-puller", private, "serviceAccountName: puller")); result.Code != 0 || result.Stderr != "" {
		t.Errorf("the account that may pull: exit code %d: %s", result.Code, result.Output)
	}
	if got := s.recorded("token-puller"); got["verdict"] != "pullable" {
		t.Errorf("the account that may pull: recorded %v", got)
	}
	s.wantUnknown("token-stranger", "a token of ServiceAccount tokens/stranger that is not bound to the Pod", "serviceAccountName: stranger")
	other.wantUnknown("token-elsewhere", noRight+"tokens-elsewhere/default")
	if strings.Contains(r.Gate.Log(), "eyJ") {
		t.Error("the log has a token in it")
	}
}

// wantUnknown applies a Deployment of a private image and wants to be told that
// nothing is known of it, and why.
func (s stage) wantUnknown(name, why string, spec ...string) {
	s.Helper()
	result := s.apply(deployment(name, s.rig.Lab.Token.Ref("shop/private:1.0"), spec...))
	if result.Code != 0 || !strings.Contains(result.Stderr, why) {
		s.Errorf("%s: exit code %d: %s", name, result.Code, result.Output)
	}
	if got := s.recorded(name); got.reason() != "NodeCredentialsUnknown" {
		s.Errorf("%s: recorded %v", name, got)
	}
}

// installProvider makes the test binary the nodes' credential provider.
func (s stage) installProvider() {
	s.Helper()
	dir := s.TempDir()
	program, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(dir, "tokens")); err != nil {
		s.Fatal(err)
	}
	config := fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: tokens
  apiVersion: credentialprovider.kubelet.k8s.io/v1
  matchImages: [%q]
  defaultCacheDuration: 1h
  env: [{name: E2E_PROVIDER, value: "1"}]
  tokenAttributes: {serviceAccountTokenAudience: %s, cacheType: Token, requireServiceAccount: true}
`, s.rig.Lab.Token.Host, audience)
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		s.Fatal(err)
	}
	s.configure(strings.Replace(rolloutsConfig, "nodes:\n", fmt.Sprintf("nodes:\n  credentialProviders: {config: %s, binDir: %s}\n", file, dir), 1))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}
