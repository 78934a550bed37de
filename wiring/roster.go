package wiring

import (
	"bytes"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/pullgate/pullgate/nodeprofile"
	"github.com/pullgate/pullgate/resolver/nodes"
)

// roster tells which nodes have which profile. Those of the cluster's are as they
// are at the moment: that a node comes or goes changes nothing of what is asked, and
// nothing that is kept.
type roster struct {
	// files are the profiles of files, which stay as they were read.
	files []nodes.Profile
	// kept returns the cluster's, by name; nil: there are none.
	kept func() map[string][]byte
	// settings are those that were read of the cluster's.
	settings map[string][]byte

	last atomic.Pointer[listing]
}

// listing is what profiles came to.
type listing struct {
	kept     map[string][]byte
	profiles []nodes.Profile
}

// reading returns the cluster's profiles as they are, of which the settings are about
// to be read.
func (r *roster) reading() map[string][]byte {
	if r.kept == nil {
		return nil
	}
	kept := r.kept()
	r.settings = settingsOf(kept)
	r.last.Store(&listing{kept: kept, profiles: r.list(kept)})
	return kept
}

// profiles returns all, in the same place of memory until a node comes or goes.
// Where the settings are others by now, those go on that were read with the old
// ones: somebody is about to read the new ones.
func (r *roster) profiles() []nodes.Profile {
	if r.kept == nil {
		return r.files
	}
	last, kept := r.last.Load(), r.kept()
	switch {
	case maps.EqualFunc(last.kept, kept, bytes.Equal):
		return last.profiles
	case maps.EqualFunc(settingsOf(kept), r.settings, bytes.Equal):
		last = &listing{kept: kept, profiles: r.list(kept)}
	default:
		last = &listing{kept: kept, profiles: last.profiles}
	}
	r.last.Store(last)
	return last.profiles
}

// list reads the nodes of the cluster's profiles.
func (r *roster) list(kept map[string][]byte) []nodes.Profile {
	all := slices.Clone(r.files)
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		if profile, err := nodeprofile.Parse(kept[name]); err == nil {
			all = append(all, nodes.Profile{Name: name, Nodes: profile.Nodes, Runtimes: runtimesOf(profile.Runtime)})
		}
	}
	return all
}

// title is how people know a profile: the cluster's by whose it is, too, since
// nobody has named it.
func (r *roster) title(name string) string {
	if _, ok := r.settings[name]; !ok {
		return name
	}
	all := r.profiles()
	i := slices.IndexFunc(all, func(one nodes.Profile) bool { return one.Name == name })
	if i < 0 {
		return name
	}
	return name + ofNodes(all[i].Nodes)
}

// settingsOf are the settings in profiles.
func settingsOf(kept map[string][]byte) map[string][]byte {
	all := make(map[string][]byte, len(kept))
	for name, text := range kept {
		all[name] = nodeprofile.Settings(text)
	}
	return all
}
