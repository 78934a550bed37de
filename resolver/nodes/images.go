package nodes

import (
	"slices"
	"strings"
	"unique"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Has tells whether the node lists the image by its tag, or by its digest if it
// has one. That it does not says nothing: a kubelet lists its fifty largest
// images, by at most five names each (Kubernetes
// pkg/kubelet/nodestatus/setters.go, Images).
func (n Node) Has(image reference.Named) bool {
	return slices.Contains(n.images, imageKey(image))
}

// HasShort tells whether the node lists an image that CRI-O may take for one with a
// short name: one of that last name and tag, of whatever registry its aliases and
// search list lead to.
func (n Node) HasShort(image reference.Named) bool {
	if n.kind() != pull.CRIO {
		return false
	}
	key := imageKey(image).Value()
	last := key[strings.LastIndexByte(key, '/'):]
	return slices.ContainsFunc(n.images, func(name unique.Handle[string]) bool { return strings.HasSuffix(name.Value(), last) })
}

// Lends tells whether the node may keep an image that it has from Pods that
// could not pull it: it pulled the image, perhaps with a pull secret, and then
// lets only Pods with that secret use it (Kubernetes
// pkg/kubelet/images/pullmanager/image_pull_manager.go, MustAttemptImagePull).
func (n Node) Lends(image reference.Named) bool {
	return n.verifies && !slices.Contains(n.loaded, imageKey(image))
}

// Platforms returns the platforms of the nodes, each once, in the order in
// which they come. Nodes that do not tell theirs add nothing: where there are
// such nodes, that an image fits none of these platforms does not mean that it
// fits no node. A node whose variant of arm is not known may have any that systems
// of today run on: v8 is that of 32 bits on a processor of 64 (containerd/platforms
// cpuinfo_linux.go, getCPUVariant).
func Platforms(nodes []Node) []ocispec.Platform {
	var distinct []ocispec.Platform
	seen := make(map[string]bool)
	for _, n := range nodes {
		if n.Platform.Architecture == "" {
			continue
		}
		for _, p := range variants(n.Platform) {
			if key := platforms.FormatAll(p); !seen[key] {
				seen[key] = true
				distinct = append(distinct, p)
			}
		}
	}
	return distinct
}

func variants(p ocispec.Platform) []ocispec.Platform {
	if p.Architecture != "arm" || p.Variant != "" {
		return []ocispec.Platform{p}
	}
	v7, v8 := p, p
	v7.Variant, v8.Variant = "v7", "v8"
	return []ocispec.Platform{v7, v8}
}
