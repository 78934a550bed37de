package resolver

import (
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// targets are the platforms for which an image has to be there, and the
// runtimes that pull it.
type targets struct {
	platforms []ocispec.Platform
	runtimes  pull.Runtimes
}

// query asks for an image on them.
func (t targets) query(image reference.Named, credential pull.Credential) pull.Query {
	return pull.Query{Image: image, Credential: credential, Platforms: t.platforms, Runtimes: t.runtimes}
}

// remembered is what a list of nodes came to. The list is known by its place
// in memory: whoever provides it makes a new one when a node changes.
type remembered struct {
	nodes   []nodes.Node
	targets targets
}

// targetsOf returns the targets of the nodes on which a Pod can land. Most
// Pods can land on all, for which the answer is remembered.
func (r *Resolver) targetsOf(feasible, all []nodes.Node) targets {
	if !same(feasible, all) {
		return r.newTargets(feasible, all)
	}
	last := r.lastTargets.Load()
	if last == nil || !same(last.nodes, all) {
		last = &remembered{nodes: all, targets: r.newTargets(all, all)}
		r.lastTargets.Store(last)
	}
	return last.targets
}

// same tells whether two lists are one.
func same(a, b []nodes.Node) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (r *Resolver) newTargets(feasible, all []nodes.Node) targets {
	known, runtimes := knownPlatforms(feasible, r.Platforms), nodes.Runtimes(orAll(feasible, all))
	if len(feasible) > 0 && len(known) > len(nodes.Platforms(feasible)) {
		runtimes |= pull.Containerd // of the nodes that may come nothing else is known
	}
	return targets{platforms: known, runtimes: runtimes.Known()}
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
