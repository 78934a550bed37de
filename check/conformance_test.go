package check

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/pullgate/pullgate/resolver/keyring/sourcetest"
)

// empty is a cluster that has nothing.
type empty struct{}

func (empty) Secret(ctx context.Context, _, name string) (*corev1.Secret, error) {
	return nil, nothing(ctx, "secrets", name)
}

func (empty) ServiceAccount(ctx context.Context, _, name string) (*corev1.ServiceAccount, error) {
	return nil, nothing(ctx, "serviceaccounts", name)
}

func nothing(ctx context.Context, resource, name string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name)
}

// TestManifestSourceConforms: manifests before a cluster do what every source has
// to do.
func TestManifestSourceConforms(t *testing.T) {
	source := NewManifestSource(empty{})
	addRaw(source, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"regcred","namespace":"shop"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}}`, "")
	addRaw(source, `{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"builder","namespace":"shop"},"imagePullSecrets":[{"name":"regcred"}]}`, "")
	sourcetest.Run(t, source, true)
}
