package nodes

import (
	"path"
	"slices"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Profile is settings for pulls that are known of some nodes.
type Profile struct {
	// Name is the profile's.
	Name string
	// Nodes are globs of the nodes' names; none: all of which no other profile
	// speaks.
	Nodes []string
	// Runtimes are the kinds of their runtimes; zero: what the nodes say.
	Runtimes pull.Runtimes
}

// has tells whether a profile speaks of a node by name.
func (p Profile) has(n Node) bool {
	return slices.ContainsFunc(p.Nodes, func(glob string) bool {
		matches, err := path.Match(glob, n.Name)
		return err == nil && matches
	})
}

// ProfilesOf returns the names of the profiles that nodes have, each once; that
// of nodes without one is empty. Where no node is known, each profile may be that
// of the node that comes.
func ProfilesOf(profiles []Profile, nodes []Node) []string {
	if len(profiles) == 0 {
		return nil
	}
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(nodes) == 0 {
		for _, profile := range profiles {
			add(profile.Name)
		}
	}
	for _, n := range nodes {
		for _, profile := range profilesOf(profiles, n) {
			add(profile.Name)
		}
	}
	slices.Sort(names)
	return names
}

// profilesOf returns those that speak of a node by name, else those that speak
// of none, else one without a name.
func profilesOf(profiles []Profile, n Node) []Profile {
	var named, general []Profile
	for _, profile := range profiles {
		switch {
		case profile.has(n):
			named = append(named, profile)
		case len(profile.Nodes) == 0:
			general = append(general, profile)
		}
	}
	switch {
	case len(named) > 0:
		return named
	case len(general) > 0:
		return general
	default:
		return []Profile{{}}
	}
}

// Profiled tells whether there is a profile of a node.
func Profiled(profiles []Profile, n Node) bool {
	return slices.ContainsFunc(profilesOf(profiles, n), func(profile Profile) bool { return profile.Name != "" })
}
