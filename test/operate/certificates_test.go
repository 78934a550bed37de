package operate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

const (
	certSecret    = "pullgate-certs"
	configuration = "validatingwebhookconfiguration/pullgate"
	// everTaken is until every replica must have taken up another certificate.
	everTaken = 7 * time.Second
	// awhile is for API servers to hear of a change.
	awhile = 20 * time.Second
)

// kubectl runs kubectl, for what happens during a load.
func kubectl(t *testing.T, args ...string) error {
	t.Helper()
	_, err := on.Must(t.Context(), "", args...)
	return err
}

// await asks until the answer is yes, and returns how long that took.
func await(t *testing.T, what string, limit time.Duration, holds func() bool) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	for !holds() {
		if time.Since(start) > limit {
			return 0, fmt.Errorf("not %s after %v", what, limit)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start), nil
}

// trusting tells whether all entries have the same caBundle, and the first
// certificate of the Secret's authority is in it.
func trusting(t *testing.T, authority string) bool {
	t.Helper()
	var found struct {
		Webhooks []struct{ ClientConfig struct{ CABundle []byte } }
	}
	if err := json.Unmarshal([]byte(must(t, "get", configuration, "-o", "json")), &found); err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(authority)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	for _, webhook := range found.Webhooks {
		bundle := webhook.ClientConfig.CABundle
		if block == nil || !bytes.Contains(bundle, pem.EncodeToMemory(block)) || !bytes.Equal(bundle, found.Webhooks[0].ClientConfig.CABundle) {
			return false
		}
	}
	return true
}

// secretValue is what the Secret has under a key, encoded.
func secretValue(t *testing.T, key string) string {
	t.Helper()
	result, err := on.Kubectl(t.Context(), "-n", namespace, "get", "secret", certSecret, "-o", "jsonpath={.data."+strings.ReplaceAll(key, ".", `\.`)+"}")
	if err != nil {
		t.Fatal(err)
	}
	return result.Stdout // empty while there is none
}

// replaced waits until the Secret has another value, and for as long as
// replicas have to take it up.
func replaced(t *testing.T, key, before string) error {
	t.Helper()
	if _, err := await(t, "another "+key, 30*time.Second, func() bool {
		now := secretValue(t, key)
		return now != "" && now != before && now != garbage
	}); err != nil {
		return err
	}
	time.Sleep(everTaken) // nothing tells from outside that a replica has taken it up
	return nil
}

// garbage is "garbage", encoded.
const garbage = "Z2FyYmFnZQ=="

func patchSecret(t *testing.T, data map[string]string) error {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"data": data})
	if err != nil {
		return err
	}
	return kubectl(t, "-n", namespace, "patch", "secret", certSecret, "-p", string(patch))
}

// Whatever becomes of the Secret, three replicas go on being trusted.
func TestSecretHarmed(t *testing.T) {
	installed(t)
	expired := expiredData(t, time.Now().AddDate(-2, 0, 0))
	for name, harm := range map[string]struct {
		changes string
		do      func() error
	}{
		"deleted":                 {"tls.crt", func() error { return kubectl(t, "-n", namespace, "delete", "secret", certSecret) }},
		"authority corrupted":     {"ca.crt", func() error { return patchSecret(t, map[string]string{"ca.crt": garbage}) }},
		"authority's key removed": {"ca.crt", func() error { return patchSecret(t, map[string]string{"ca.key": "", "tls.crt": garbage}) }},
		"certificate corrupted":   {"tls.crt", func() error { return patchSecret(t, map[string]string{"tls.crt": garbage}) }},
		"expired":                 {"tls.crt", func() error { return patchSecret(t, expired) }},
	} {
		t.Run(name, func(t *testing.T) {
			before := secretValue(t, harm.changes)
			unharmed(t, func() error {
				if err := harm.do(); err != nil {
					return err
				}
				return replaced(t, harm.changes, before)
			})
		})
	}
}

// What is written over the caBundle is put right at once. API servers see what
// was written as soon as Pullgate does, so that what they ask in between fails;
// how much that is, the log says.
func TestBundleHarmed(t *testing.T) {
	installed(t)
	for name, patch := range map[string]string{
		"garbage": `{"op": "replace", "path": "/webhooks/%d/clientConfig/caBundle", "value": "` + garbage + `"}`,
		"removed": `{"op": "remove", "path": "/webhooks/%d/clientConfig/caBundle"}`,
		"foreign": `{"op": "replace", "path": "/webhooks/%d/clientConfig/caBundle", "value": "` + foreign(t) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			entries := strings.Count(must(t, "get", configuration, "-o", "jsonpath={.webhooks[*].name}"), " ") + 1
			var patches []string
			for entry := range entries {
				patches = append(patches, fmt.Sprintf(patch, entry))
			}
			count := during(t, func() error {
				if err := kubectl(t, "patch", configuration, "--type=json", "-p", "["+strings.Join(patches, ",")+"]"); err != nil {
					return err
				}
				took, err := await(t, "put right", 2*time.Second, func() bool {
					return trusting(t, secretValue(t, "ca.crt"))
				})
				t.Logf("put right after %v", took)
				return err
			})
			if count.LetIn+count.RefusedGood > 0 || count.Last.Sub(count.First) > 2*time.Second {
				t.Errorf("it did harm for %v: %v", count.Last.Sub(count.First), count)
			}
		})
	}
}

// foreign is the certificate of an authority that has nothing to do with it.
func foreign(t *testing.T) string {
	t.Helper()
	authority, err := pki.NewAuthority("foreign")
	if err != nil {
		t.Fatal(err)
	}
	return encoded(authority.PEM)
}

// After two years in which nothing ran everything has expired: there is neither a
// replica nor a Node, and the API server starts. Whoever comes back serves within
// a minute, without a hand, though nothing can be created until then. The clock is
// everybody's on this machine, so that it is the certificates that are put back.
func TestComesBackAfterTwoYears(t *testing.T) {
	installed(t)
	expired := expiredData(t, time.Now().AddDate(-2, 0, 0))
	must(t, "-n", namespace, "scale", "deployment/pullgate", "--replicas=0")
	gone(t)
	if err := patchSecret(t, expired); err != nil {
		t.Fatal(err)
	}
	entries := strings.Count(must(t, "get", configuration, "-o", "jsonpath={.webhooks[*].name}"), " ") + 1
	for entry := range entries {
		must(t, "patch", configuration, "--type=json", "-p",
			fmt.Sprintf(`[{"op": "replace", "path": "/webhooks/%d/clientConfig/caBundle", "value": %q}]`, entry, expired["ca.crt"]))
	}
	must(t, "-n", namespace, "scale", "deployment/pullgate", "--replicas=3")
	if err := on.StopNode(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, "-n", namespace, "delete", "pods", "--all", "--force", "--grace-period=0")
	on.StopAll()
	if err := on.StartAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if serving(t) {
		t.Error("something was created under Fail though there is nothing that answers")
	}
	start := time.Now()
	if err := on.StartNode(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := await(t, "serving", time.Minute-time.Since(start), func() bool { return serving(t) }); err != nil {
		t.Errorf("%v\n%s", err, state())
	}
	t.Logf("serving after %v", time.Since(start).Round(time.Millisecond))
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
	unharmed(t, func() error { return nil })
}

// serving tells whether something with a good image can be created.
func serving(t *testing.T) bool {
	t.Helper()
	result, err := on.Kubectl(t.Context(), "create", "deployment", "web", "--image="+on.Registry.Good(1), "--dry-run=server")
	return err == nil && result.Code == 0
}
