package explain

import (
	"context"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// server is a client.Reader that gives one Pod by name and lists none, be it that
// it says that there are more, and lets nobody list what is forbidden.
type server struct {
	pod             *corev1.Pod
	forbidden, more bool
}

func (s server) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	pod, ok := into.(*corev1.Pod)
	if !ok || key.Name != s.pod.Name {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, key.Name)
	}
	s.pod.DeepCopyInto(pod)
	return nil
}

func (s server) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	if s.forbidden {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "", nil)
	}
	if s.more {
		into.SetContinue("more")
	}
	return nil
}

// TestGather: what may not be read, and what is only read in part, is told, and
// there is a record all the same.
func TestGather(t *testing.T) {
	pod := waitingPod("ErrImagePull", notFound)
	target := Target{Kind: corev1.SchemeGroupVersion.WithKind("Pod"), Namespace: "shop", Name: pod.Name}
	for _, test := range []struct {
		name      string
		forbidden bool
		want      string
	}{
		{"forbidden", true, "the namespace's events: you may not read it"},
		{"more than is read", false, "the namespace's events: only the first 1000 were read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			record, err := Gather(t.Context(), server{pod: pod, forbidden: test.forbidden, more: true}, target, Given{At: now})
			if err != nil || record.Pod == nil || record.Pod.Name != pod.Name {
				t.Fatalf("got %+v, %v", record, err)
			}
			if !slices.Contains(record.Unread, test.want) {
				t.Errorf("not read: %s", strings.Join(record.Unread, "; "))
			}
		})
	}
	_, err := Gather(t.Context(), server{pod: pod}, Target{Kind: target.Kind, Namespace: "shop", Name: "other"}, Given{At: now})
	if !apierrors.IsNotFound(err) {
		t.Errorf("a Pod that is not there: %v", err)
	}
	for forbidden, want := range map[bool]string{true: "you may not read it: name an object", false: "namespace shop has no Pods: name what should make them"} {
		_, err = Gather(t.Context(), server{pod: pod, forbidden: forbidden}, Target{Namespace: "shop"}, Given{At: now})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("forbidden %t: %v, want %q", forbidden, err, want)
		}
	}
}
