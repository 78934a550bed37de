package cluster

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/nodeprofile"
)

// maxNamed bounds the nodes that a profile names: as many as a cluster may have.
// Nodes that are gone are named for longest, and make room for those that come.
const maxNamed = 5000

// Shelf are the ConfigMaps in which nodes keep their profiles: one for each
// distinct profile, in which the nodes are named that have it. They are there
// already, empty, so that whoever writes needs no right to create, and none on
// any other ConfigMap.
type Shelf struct {
	// Client gets and updates ConfigMaps, and must not be a cache.
	Client    client.Client
	Namespace string
	// Names are the ConfigMaps'.
	Names []string

	last string // the one that this node was found in
}

// Put sees to it that a node is named in the ConfigMap that has its profile, and
// in no other. It returns how many ConfigMaps it wrote: none if all is as it was.
func (s *Shelf) Put(ctx context.Context, node string, profile nodeprofile.Profile) (written int, err error) {
	profile.Nodes = nil
	text, err := profile.YAML()
	if err != nil {
		return 0, fmt.Errorf("spell the node profile: %w", err)
	}
	if s.last != "" {
		if only, err := s.get(ctx, s.last); err == nil && only.has(text) && only.names(node) {
			return 0, nil
		}
	}
	// Many nodes write at first; each of them is tried for long enough.
	patience := retry.DefaultBackoff
	patience.Steps, patience.Jitter = 10, 1
	err = retry.RetryOnConflict(patience, func() error {
		more, err := s.place(ctx, node, text)
		written += more
		return err
	})
	return written, err
}

// place puts a node where its profile is, or where there is room, and takes it
// away from elsewhere.
func (s *Shelf) place(ctx context.Context, node string, text []byte) (written int, err error) {
	kept := make([]*slot, 0, len(s.Names))
	for _, name := range s.Names {
		one, err := s.get(ctx, name)
		if err != nil {
			return 0, err
		}
		kept = append(kept, one)
	}
	at := slices.IndexFunc(kept, func(one *slot) bool { return one.has(text) })
	if at < 0 {
		at = slices.IndexFunc(kept, func(one *slot) bool { return one.free(node) })
	}
	if at < 0 {
		return 0, fmt.Errorf("all %d ConfigMaps have other profiles: raise nodeProfile.distinct", len(kept))
	}
	// Added first: a node in no profile counts as one without mirrors.
	if here := kept[at]; !here.has(text) || !here.names(node) {
		if err := s.update(ctx, here, here.add(node, text)); err != nil {
			return written, err
		}
		written++
	}
	for i, one := range kept {
		if i == at || !one.names(node) {
			continue
		}
		if err := s.update(ctx, one, one.drop(node)); err != nil {
			return written, err
		}
		written++
	}
	s.last = s.Names[at]
	return written, nil
}

// update writes a slot that was changed, unless that failed.
func (s *Shelf) update(ctx context.Context, one *slot, failed error) error {
	err := failed
	if err == nil {
		err = s.Client.Update(ctx, one.object)
	}
	if err != nil {
		return fmt.Errorf("write the node profile to ConfigMap %s/%s: %w", one.object.Namespace, one.object.Name, err)
	}
	return nil
}

// get reads one ConfigMap.
func (s *Shelf) get(ctx context.Context, name string) (*slot, error) {
	one := &slot{object: &corev1.ConfigMap{}}
	if err := s.Client.Get(ctx, types.NamespacedName{Namespace: s.Namespace, Name: name}, one.object); err != nil {
		return nil, fmt.Errorf("read node profiles: %w", err)
	}
	if text := one.object.Data[profileKey]; text != "" {
		one.taken = true
		one.profile, _ = nodeprofile.Parse([]byte(text)) // another version's: not for us to change
	}
	return one, nil
}

// slot is one ConfigMap: free, or with a profile, which is nil where it is none.
type slot struct {
	object  *corev1.ConfigMap
	taken   bool
	profile *nodeprofile.Profile
}

// has tells whether its profile is this one, whoever is named in it.
func (s *slot) has(text []byte) bool {
	if s.profile == nil {
		return false
	}
	unnamed := *s.profile
	unnamed.Nodes = nil
	mine, err := unnamed.YAML()
	return err == nil && bytes.Equal(mine, text)
}

// names tells whether its profile is a node's.
func (s *slot) names(node string) bool {
	return s.profile != nil && slices.Contains(s.profile.Nodes, node)
}

// free tells whether a node may put another profile there.
func (s *slot) free(node string) bool {
	return !s.taken || s.profile != nil && len(s.profile.Nodes) == 1 && s.profile.Nodes[0] == node
}

// add names a node in it, with its profile.
func (s *slot) add(node string, text []byte) error {
	var named []string
	if s.has(text) {
		named = s.profile.Nodes
	}
	profile, err := nodeprofile.Parse(text)
	if err != nil {
		return err
	}
	named = append(slices.Clone(named), node)
	profile.Nodes = named[max(0, len(named)-maxNamed):]
	return s.write(profile)
}

// drop names a node no more. A profile without a node would be every node's: none
// is left.
func (s *slot) drop(node string) error {
	s.profile.Nodes = slices.DeleteFunc(s.profile.Nodes, func(name string) bool { return name == node })
	if len(s.profile.Nodes) == 0 {
		s.object.Data = nil
		return nil
	}
	return s.write(s.profile)
}

func (s *slot) write(profile *nodeprofile.Profile) error {
	text, err := profile.YAML()
	if err != nil {
		return err
	}
	s.object.Data = map[string]string{profileKey: string(text)}
	return nil
}
