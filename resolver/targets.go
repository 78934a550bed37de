package resolver

import (
	"slices"
	"sync/atomic"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// targets are the platforms for which an image has to be there, the runtimes
// that pull it, and the profiles by which they do.
type targets struct {
	platforms []ocispec.Platform
	runtimes  pull.Runtimes
	profiles  []string
}

// profiled tells whether all nodes have profiles: then what is asked is what short
// names stand for on those with CRI-O.
func (t targets) profiled() bool { return len(t.profiles) > 0 && !slices.Contains(t.profiles, "") }

// mayCome is what is configured of nodes: what is known of them, and what those
// are that may come.
type mayCome struct {
	platforms []ocispec.Platform
	runtimes  pull.Runtimes
	profiles  []nodes.Profile
}

// query asks for an image on them.
func (t targets) query(image reference.Named, credential pull.Credential) pull.Query {
	return pull.Query{Image: image, Credential: credential, Platforms: t.platforms, Runtimes: t.runtimes, Profiles: t.profiles}
}

// targetMemory remembers what the list of all nodes came to. It and the profiles are
// known by their place in memory: whoever provides them makes new ones of what
// changes.
type targetMemory struct{ last atomic.Pointer[targetsOfAll] }

type targetsOfAll struct {
	nodes    []nodes.Node
	profiles []nodes.Profile
	targets  targets
}

// of returns the targets of the nodes on which a Pod can land, and the
// configured ones of nodes that may come. Most Pods can land on all, for which the
// answer is remembered.
func (m *targetMemory) of(feasible, all []nodes.Node, configured mayCome) targets {
	if !same(feasible, all) {
		return newTargets(feasible, all, configured)
	}
	last := m.last.Load()
	if last == nil || !same(last.nodes, all) || !same(last.profiles, configured.profiles) {
		last = &targetsOfAll{nodes: all, profiles: configured.profiles, targets: newTargets(all, all, configured)}
		m.last.Store(last)
	}
	return last.targets
}

// same tells whether two lists are one.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func newTargets(feasible, all []nodes.Node, configured mayCome) targets {
	known := knownPlatforms(feasible, configured.platforms)
	runtimes := nodes.Runtimes(orAll(feasible, all)) | configured.runtimes
	if len(feasible) > 0 && len(known) > len(nodes.Platforms(feasible)) {
		runtimes |= configured.runtimes.Known() // of the nodes that may come nothing else is known
	}
	if len(all) == 0 {
		for _, profile := range configured.profiles {
			runtimes |= profile.Runtimes
		}
	}
	profiles := nodes.ProfilesOf(configured.profiles, orAll(feasible, all))
	return targets{platforms: known, runtimes: runtimes.Known(), profiles: profiles}
}

// knownPlatforms returns the platforms of the nodes on which Pods can land, and
// those that are configured; none, which judges no platform, where a node does
// not tell its own.
func knownPlatforms(feasible []nodes.Node, configured []ocispec.Platform) []ocispec.Platform {
	for _, node := range feasible {
		if node.Platform.Architecture == "" {
			return nil
		}
	}
	known := nodes.Platforms(feasible)
	seen := map[string]bool{}
	for _, platform := range known {
		seen[platforms.FormatAll(platform)] = true
	}
	for _, platform := range configured {
		platform = platforms.Normalize(platform)
		if name := platforms.FormatAll(platform); !seen[name] {
			seen[name] = true
			known = append(known, platform)
		}
	}
	return known
}

// orAll returns the nodes on which a Pod can land; where it can on none yet,
// all: a node that comes for it will be like the others.
func orAll(feasible, all []nodes.Node) []nodes.Node {
	if len(feasible) == 0 {
		return all
	}
	return feasible
}
