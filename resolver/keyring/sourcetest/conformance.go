package sourcetest

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// Run checks a source that has the Secret shop/regcred of the type
// kubernetes.io/dockerconfigjson and the ServiceAccount shop/builder, which lists
// it, and nothing else. Heeds says that it asks somebody who may keep it waiting.
func Run(t *testing.T, source keyring.Source, heeds bool) {
	t.Helper()
	t.Run("what is there", func(t *testing.T) {
		secret, err := source.Secret(t.Context(), "shop", "regcred")
		if err != nil || secret.Type != corev1.SecretTypeDockerConfigJson || len(secret.Data[corev1.DockerConfigJsonKey]) == 0 {
			t.Errorf("the Secret: %v", err)
		}
		account, err := source.ServiceAccount(t.Context(), "shop", "builder")
		if err != nil || len(account.ImagePullSecrets) != 1 || account.ImagePullSecrets[0].Name != "regcred" {
			t.Errorf("the ServiceAccount: %v", err)
		}
	})
	t.Run("what is not there is proven to be so", func(t *testing.T) {
		for _, at := range []struct{ namespace, name string }{{"shop", "other"}, {"bakery", "regcred"}, {"bakery", "builder"}} {
			if _, err := source.Secret(t.Context(), at.namespace, at.name); !apierrors.IsNotFound(err) {
				t.Errorf("Secret %v: %v", at, err)
			}
			if _, err := source.ServiceAccount(t.Context(), at.namespace, at.name); !apierrors.IsNotFound(err) {
				t.Errorf("ServiceAccount %v: %v", at, err)
			}
		}
	})
	t.Run("a context's end is no answer, and is not remembered", func(t *testing.T) {
		if !heeds {
			return
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := source.Secret(ended, "shop", "late"); !errors.Is(err, context.Canceled) {
			t.Errorf("the Secret: %v", err)
		}
		if _, err := source.Secret(t.Context(), "shop", "late"); !apierrors.IsNotFound(err) {
			t.Errorf("the Secret, afterwards: %v", err)
		}
	})
}
