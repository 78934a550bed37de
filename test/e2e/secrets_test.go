package e2e

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// testPullSecrets applies what names pull secrets of every sort.
func testPullSecrets(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "secrets")
	s.makeSecrets()
	private, public := r.Lab.Token.Ref("shop/private:1.0"), r.Lab.Open.Ref("shop/web:1.27")
	const puller, nobody = "serviceAccountName: puller", "serviceAccountName: nobody"
	for _, tc := range []struct {
		name, manifest string
		// refused: else it is let in; reason is the one recorded, none where
		// all is well; says is printed, nothing where it is empty.
		refused      bool
		reason, says string
	}{
		{"right", deployment("right", private, withSecrets("regcred")), false, "", ""},
		{"right-basic", deployment("right-basic", r.Lab.Basic.Ref("shop/private:1.0"), withSecrets("basic")), false, "", ""},
		{"right-pod", pod("right-pod", private, withSecrets("regcred")), false, "", ""},
		{"none", deployment("none", private), true, "CredentialsRequired", "add a pull secret for " + r.Lab.Token.Host},
		{"missing", deployment("missing", private, withSecrets("regcerd")), true, "CredentialsRequired", "secrets/regcerd does not exist"},
		{"opaque", deployment("opaque", private, withSecrets("opaque")), true, "CredentialsRequired", "secrets/opaque is of type"},
		{"empty", deployment("empty", private, withSecrets("empty")), true, "CredentialsRequired", "secrets/empty has no entry"},
		{"other", deployment("other", private, withSecrets("other")), true, "CredentialsRequired", "secrets/other has no entry"},
		{"wrong", deployment("wrong", private, withSecrets("stale")), true, "CredentialsRejected", "secrets/stale"},
		{"malformed", deployment("malformed", private, withSecrets("malformed")), true, "PullSecretMalformed", "secrets/malformed"},
		{"wrong-and-right", deployment("wrong-and-right", private, withSecrets("stale", "regcred")), false, "Pullable", "secrets/stale was refused"},
		{"malformed-and-right", deployment("malformed-and-right", private, withSecrets("regcred", "malformed")), true, "PullSecretMalformed", "secrets/malformed"},
		{"missing-public", deployment("missing-public", public, withSecrets("regcerd")), false, "Pullable", "secrets/regcerd does not exist"},
		{"opaque-public", deployment("opaque-public", public, withSecrets("opaque")), false, "Pullable", "secrets/opaque is of type"},
		{"empty-public", deployment("empty-public", public, withSecrets("empty")), false, "Pullable", ""},
		{"other-public", deployment("other-public", public, withSecrets("other")), false, "Pullable", ""},
		{"malformed-public", deployment("malformed-public", public, withSecrets("malformed")), true, "PullSecretMalformed", "secrets/malformed"},
		{"account", deployment("account", private, puller), false, "", ""},
		{"account-pod", pod("account-pod", private, puller), false, "", ""},
		{"own-list-before-account", deployment("own-list-before-account", private, puller, withSecrets("stale")), true, "CredentialsRejected", "secrets/stale"},
		{"no-account", deployment("no-account", private, nobody), false, "NodeCredentialsUnknown", "not known"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result := s.with(t).apply(tc.manifest)
			if refused := strings.Contains(result.Stderr, "denied the request"); refused != tc.refused || refused != (result.Code != 0) {
				t.Errorf("exit code %d: %s", result.Code, result.Output)
			}
			if tc.says == "" && result.Stderr != "" || !strings.Contains(result.Stderr, tc.says) {
				t.Errorf("it said\n%s\nwant %q", result.Stderr, tc.says)
			}
			if got := s.with(t).recorded(tc.name).reason(); got != tc.reason {
				t.Errorf("recorded reason %q, want %q", got, tc.reason)
			}
		})
	}
	t.Run("values stay secret", func(t *testing.T) {
		for _, value := range []string{lab.Password, "last-years-password"} {
			if strings.Contains(r.Gate.Log(), value) {
				t.Errorf("the log has %q in it", value)
			}
		}
	})
	t.Run("another account", s.changesAccount)
}

// makeSecrets makes pull secrets, sound and broken, and an account with one.
func (s stage) makeSecrets() {
	s.Helper()
	s.secret("regcred", s.rig.Lab.Token.Host, lab.Password)
	s.secret("basic", s.rig.Lab.Basic.Host, lab.Password)
	s.secret("stale", s.rig.Lab.Token.Host, "last-years-password")
	s.secret("other", "quay.io", lab.Password)
	s.must("create", "secret", "generic", "opaque", "--from-literal=.dockerconfigjson={}")
	for name, content := range map[string]string{"empty": "{}", "malformed": `{"auths": {"quay.io": {"auth": "no base64!"}}}`} {
		s.must("create", "secret", "generic", name, "--type=kubernetes.io/dockerconfigjson", "--from-literal=.dockerconfigjson="+content)
	}
	s.must("create", "serviceaccount", "puller")
	s.must("patch", "serviceaccount", "puller", "-p", `{"imagePullSecrets": [{"name": "regcred"}]}`)
}

// changesAccount takes the account away from a Deployment, and its pull secret
// from another: the images stay, and can no longer be pulled.
func (s stage) changesAccount(t *testing.T) {
	s = s.with(t)
	private := s.rig.Lab.Token.Ref("shop/private:1.0")
	for _, name := range []string{"account", "right"} {
		before := s.calls()
		result := s.apply(deployment(name, private, "serviceAccountName: default"))
		if result.Code == 0 || !strings.Contains(result.Stderr, "add a pull secret") {
			t.Errorf("%s: exit code %d: %s", name, result.Code, result.Output)
		}
		if got := s.calls() - before; got != 1 {
			t.Errorf("%s: %d calls, want 1", name, got)
		}
	}
}
