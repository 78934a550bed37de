package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/resolver/nodes"
)

func node(name, architecture string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"l": "v"}, Annotations: map[string]string{"a": "b"}, ManagedFields: []metav1.ManagedFieldsEntry{{}}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "t"}}},
		Status: corev1.NodeStatus{
			NodeInfo:   corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: architecture, ContainerRuntimeVersion: "cri-o://1.36.1"},
			Conditions: []corev1.NodeCondition{{}}, Addresses: []corev1.NodeAddress{{}},
			VolumesInUse: []corev1.UniqueVolumeName{"v"}, VolumesAttached: []corev1.AttachedVolume{{}},
			Images: []corev1.ContainerImage{{Names: []string{"nginx:1"}}},
		},
	}
}

// informers is a cache.Cache that hands out one informer, which takes handlers.
type informers struct {
	cache.Cache
	cache.Informer
	handler toolscache.ResourceEventHandler
	err     error
}

func (i *informers) GetInformer(_ context.Context, object client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	if _, ok := object.(*corev1.Node); !ok {
		return nil, fmt.Errorf("%T is watched", object)
	}
	return i, i.err
}

func (i *informers) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.handler = handler
	return nil, nil
}

func names(all []nodes.Node) (names []string) {
	for _, n := range all {
		names = append(names, n.Name+" "+n.Platform.Architecture)
	}
	return names
}

func TestNodes(t *testing.T) {
	var live Nodes
	from := &informers{}
	if got := live.All(); got != nil {
		t.Errorf("the zero value knows %v", got)
	}
	if err := live.Watch(t.Context(), from); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"two come", func() { from.handler.OnAdd(node("b", "arm64"), true); from.handler.OnAdd(node("a", "amd64"), false) }, []string{"a amd64", "b arm64"}},
		{"one changes", func() { from.handler.OnUpdate(node("b", "arm64"), node("b", "amd64")) }, []string{"a amd64", "b amd64"}},
		{"one goes", func() { from.handler.OnDelete(node("a", "amd64")) }, []string{"b amd64"}},
		{"something else comes", func() { from.handler.OnAdd(&corev1.Pod{}, false); from.handler.OnDelete("x") }, []string{"b amd64"}},
		{"one that went unnoticed", func() { from.handler.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "b", Obj: node("b", "amd64")}) }, nil},
		{"a tombstone of nothing", func() { from.handler.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "b"}) }, nil},
		{"one comes back", func() { from.handler.OnAdd(node("a", "s390x"), false) }, []string{"a s390x"}},
	}
	for _, step := range steps {
		before := live.All()
		step.do()
		if got := names(live.All()); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
		after := live.All()
		if len(before) > 0 && len(after) > 0 && &before[0] == &after[0] && !slices.Equal(names(before), names(after)) {
			t.Errorf("%s: the old list was changed", step.name)
		}
		if again := live.All(); len(after) > 0 && &again[0] != &after[0] {
			t.Errorf("%s: the list is made anew for each reader", step.name)
		}
	}
}

func TestNodesWatchFails(t *testing.T) {
	var live Nodes
	err := live.Watch(t.Context(), &informers{err: fmt.Errorf("forbidden")})
	if err == nil || err.Error() != "watch Nodes: forbidden" {
		t.Errorf("%v", err)
	}
}

func TestNodesFromManyGoroutines(t *testing.T) {
	var live Nodes
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 100 {
				live.set(node(fmt.Sprint(i), "amd64"))
				_ = live.All()
				if j%3 == 0 {
					live.remove(node(fmt.Sprint(i), "amd64"))
				}
			}
		})
	}
	group.Wait()
	if got := len(live.All()); got != 0 {
		t.Errorf("%d are left", got)
	}
}

// Slim leaves what a pull depends on.
func TestSlim(t *testing.T) {
	full := node("a", "amd64")
	slim, err := Slim(full.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := slim.(*corev1.Node)
	if !ok || kept.Annotations != nil || kept.ManagedFields != nil || kept.Status.Conditions != nil || kept.Status.Addresses != nil ||
		kept.Status.VolumesInUse != nil || kept.Status.VolumesAttached != nil {
		t.Errorf("%+v", slim)
	}
	if got, want := fmt.Sprint(nodes.FromObject(kept)), fmt.Sprint(nodes.FromObject(full)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if other, err := Slim("x"); other != "x" || err != nil {
		t.Errorf("%v, %v", other, err)
	}
}
