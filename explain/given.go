package explain

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Given is what is known before anything is read.
type Given struct {
	// Object is the one that is asked about, as a file has it; nil: the cluster
	// has it.
	Object *unstructured.Unstructured
	// Events are those of the file.
	Events []corev1.Event
	// At is now.
	At time.Time
}

// target is the object of the file, which is in the namespace that was asked for
// where it names none.
func (g Given) target(asked Target) Target {
	if g.Object.GetNamespace() == "" {
		g.Object.SetNamespace(asked.Namespace)
	}
	return Target{Kind: g.Object.GroupVersionKind(), Namespace: g.Object.GetNamespace(), Name: g.Object.GetName()}
}

// given takes the object of a file, and of the cluster what a file has not: whose
// Pods are its own, and who set what.
func (g *gatherer) given(ctx context.Context, object *unstructured.Unstructured) error {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(object.GroupVersionKind())
	key := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
	if g.reader.Get(ctx, key, live) == nil && (object.GetUID() == "" && object.GetKind() != "Pod" || object.GetUID() == live.GetUID()) {
		object.SetUID(live.GetUID())
		object.SetManagedFields(live.GetManagedFields())
	}
	if object.GetKind() != "Pod" {
		return g.controls(ctx, object)
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &pod); err != nil {
		return err
	}
	g.take(&pod)
	g.record.Object, g.record.Meta = podObject(&pod), &pod.ObjectMeta
	return nil
}

// ErrNoCluster is why nothing is read where there is no cluster.
var ErrNoCluster = errors.New("there is no cluster to read them from")

// NoCluster reads nothing.
type NoCluster struct{}

// Get finds nothing.
func (NoCluster) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return ErrNoCluster
}

// List finds nothing.
func (NoCluster) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return ErrNoCluster
}
