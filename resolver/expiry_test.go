package resolver

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// A pull secret that ends within a day is told of, and nothing of it but its
// name and its end.
func TestExpiringSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		left   time.Duration // 0: no end
		answer pull.Reason
		want   string
	}{
		"no end":           {0, pull.ReasonPullable, ""},
		"good for days":    {25 * time.Hour, pull.ReasonPullable, ""},
		"good for hours":   {23 * time.Hour, pull.ReasonPullable, "pull secret shop/ecr expires at 2000-01-01T23:00:00Z"},
		"over":             {-time.Hour, pull.CredentialsRejected, "pull secret shop/ecr has expired, at 1999-12-31T23:00:00Z: renew it"},
		"over and unasked": {-time.Hour, pull.RegistryUnreachable, "pull secret shop/ecr has expired, at 1999-12-31T23:00:00Z: renew it"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // in which it is the year 2000
				password := "s3al3d"
				if test.left != 0 {
					document := fmt.Sprintf(`{"payload":"s3al3d","expiration":%d}`, time.Now().Add(test.left).Unix())
					password = base64.StdEncoding.EncodeToString([]byte(document))
				}
				auth := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
				secret := secretOf(corev1.SecretTypeDockerConfigJson, fmt.Sprintf(`{"auths":{"reg.example.com":{"auth":%q}}}`, auth))
				result := resolveOne(t, newResolver(shop(map[string]*corev1.Secret{"ecr": secret}), answering(test.answer)), deployment([]string{"ecr"}, private))
				got := ""
				for _, note := range result.Notes {
					if note.Reason == pull.PullSecretExpires {
						got += note.Message
					}
				}
				if got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
				written, err := json.Marshal(result)
				if err != nil || strings.Contains(string(written), password) || strings.Contains(string(written), "s3al3d") {
					t.Errorf("%v: it tells the secret: %s", err, written)
				}
				if told := strings.Contains(string(written), `"expires"`); told != (test.left != 0) {
					t.Errorf("%s", written)
				}
			})
		})
	}
}
