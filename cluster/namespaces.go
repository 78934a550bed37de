package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Namespaces knows the labels of namespaces.
type Namespaces struct {
	// Cache is asked first, and Direct where it does not know a namespace:
	// one may be as new as the workload in it.
	Cache, Direct client.Reader
}

// Labels returns a namespace's labels.
func (n Namespaces) Labels(ctx context.Context, name string) (map[string]string, error) {
	namespace := NamespaceMetadata()
	key := types.NamespacedName{Name: name}
	err := n.Cache.Get(ctx, key, namespace)
	if apierrors.IsNotFound(err) {
		err = n.Direct.Get(ctx, key, namespace)
	}
	return namespace.Labels, err
}

// NamespaceMetadata is an empty Namespace of which only metadata is read.
func NamespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return namespace
}
