package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/pullgate/pullgate/resolver/nodes"
)

// Nodes keeps of every Node what matters to a pull. Its zero value knows none.
type Nodes struct {
	mu     sync.RWMutex
	byName map[string]nodes.Node
	all    []nodes.Node // a copy of the values, remade after a change
}

// Watch follows the cluster's Nodes through a cache that transforms them by
// Slim. It returns when the handler is registered.
func (n *Nodes) Watch(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &corev1.Node{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch Nodes: %w", err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    n.set,
		UpdateFunc: func(_, object any) { n.set(object) },
		DeleteFunc: n.remove,
	})
	if err != nil {
		return fmt.Errorf("watch Nodes: %w", err)
	}
	return nil
}

// All returns the nodes; the slice is not to be changed.
func (n *Nodes) All() []nodes.Node {
	n.mu.RLock()
	all, size := n.all, len(n.byName)
	n.mu.RUnlock()
	if all != nil || size == 0 {
		return all
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	all = make([]nodes.Node, 0, len(n.byName))
	for _, node := range n.byName {
		all = append(all, node)
	}
	slices.SortFunc(all, func(a, b nodes.Node) int { return cmp.Compare(a.Name, b.Name) })
	n.all = all
	return all
}

func (n *Nodes) set(object any) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byName == nil {
		n.byName = map[string]nodes.Node{}
	}
	n.byName[node.Name] = nodes.FromObject(node)
	n.all = nil
}

func (n *Nodes) remove(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	node, ok := object.(*corev1.Node)
	if !ok {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.byName, node.Name)
	n.all = nil
}

// Slim takes from a Node, on its way into a cache, what nobody here reads.
func Slim(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	node.ManagedFields, node.Annotations = nil, nil
	node.Status.Conditions, node.Status.VolumesAttached, node.Status.VolumesInUse = nil, nil, nil
	node.Status.Addresses = nil
	return node, nil
}
