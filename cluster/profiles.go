package cluster

import (
	"context"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/nodeprofile"
)

const (
	// ProfileLabel is the label of ConfigMaps that keep a node profile.
	ProfileLabel = "pullgate.dev/node-profile"
	// profileKey is where in them it is; empty: the ConfigMap keeps none yet.
	profileKey = "profile.yaml"
	labelled   = "true"
)

// Profiles are the node profiles that ConfigMaps of one namespace keep. Its zero
// value knows none, and nil watches none.
type Profiles struct {
	mu       sync.RWMutex
	byName   map[string][]byte
	settings map[string][]byte
	synced   func() bool
}

// Watch follows them through a cache of ConfigMaps with ProfileLabel in one
// namespace. It returns when the handler is registered.
func (p *Profiles) Watch(ctx context.Context, from cache.Cache) error {
	informer, err := from.GetInformer(ctx, &corev1.ConfigMap{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch node profiles: %w", err)
	}
	registered, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    p.set,
		UpdateFunc: func(_, object any) { p.set(object) },
		DeleteFunc: p.remove,
	})
	if err != nil {
		return fmt.Errorf("watch node profiles: %w", err)
	}
	p.synced = registered.HasSynced
	return nil
}

// CacheOptions are those of a cache of what is watched here: Nodes, Namespaces, and
// of ConfigMaps those alone that keep profiles in this namespace.
func CacheOptions(profiles string) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Node{}: {Transform: Slim},
			&corev1.ConfigMap{}: {Namespaces: map[string]cache.Config{profiles: {
				LabelSelector: labels.SelectorFromSet(labels.Set{ProfileLabel: labelled}),
			}}},
		},
	}
}

// Synced tells whether all that there were have been seen. Of nil there are none.
func (p *Profiles) Synced() bool { return p == nil || p.synced != nil && p.synced() }

// All returns the profiles, by the names of their ConfigMaps.
func (p *Profiles) All() map[string][]byte {
	if p == nil {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.byName)
}

// Settings returns what bears on pulls in them, by the names of their ConfigMaps:
// whatever nodes have them.
func (p *Profiles) Settings() map[string][]byte {
	if p == nil {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return maps.Clone(p.settings)
}

func (p *Profiles) set(object any) {
	kept, ok := object.(*corev1.ConfigMap)
	if !ok {
		return
	}
	text := []byte(kept.Data[profileKey])
	settings := nodeprofile.Settings(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byName == nil {
		p.byName, p.settings = map[string][]byte{}, map[string][]byte{}
	}
	if len(text) == 0 {
		delete(p.byName, kept.Name)
		delete(p.settings, kept.Name)
		return
	}
	p.byName[kept.Name], p.settings[kept.Name] = text, settings
}

func (p *Profiles) remove(object any) {
	if gone, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	if kept, ok := object.(*corev1.ConfigMap); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.byName, kept.Name)
		delete(p.settings, kept.Name)
	}
}

// ReadProfiles reads the node profiles of a namespace once, by the names of their
// ConfigMaps.
func ReadProfiles(ctx context.Context, from client.Reader, namespace string) (map[string][]byte, error) {
	var list corev1.ConfigMapList
	if err := from.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{ProfileLabel: labelled}); err != nil {
		return nil, fmt.Errorf("list node profiles: %w", err)
	}
	var read Profiles
	for i := range list.Items {
		read.set(&list.Items[i])
	}
	return read.byName, nil
}
