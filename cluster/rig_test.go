package cluster

import (
	"cmp"
	"context"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// apiServer is a client.Reader of what a test puts in, by NAMESPACE/NAME.
type apiServer struct {
	objects map[string]client.Object
	err     error

	mu    sync.Mutex
	reads []string
}

func (a *apiServer) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reads = append(a.reads, key.String())
	if err := cmp.Or(ctx.Err(), a.err); err != nil {
		return err
	}
	object, ok := a.objects[key.String()]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: resourceOf(into)}, key.Name)
	}
	reflect.ValueOf(into).Elem().Set(reflect.ValueOf(object.DeepCopyObject()).Elem())
	return nil
}

func (a *apiServer) List(context.Context, client.ObjectList, ...client.ListOption) error {
	panic("Pullgate lists nothing")
}

// count returns how many reads there were, and forgets them.
func (a *apiServer) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.reads)
	a.reads = nil
	return n
}

// resourceOf is what the API server calls the kind of an object.
func resourceOf(object client.Object) string {
	switch object.(type) {
	case *corev1.Secret:
		return "secrets"
	case *corev1.ServiceAccount:
		return "serviceaccounts"
	default:
		return "objects"
	}
}
