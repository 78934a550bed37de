// Package nodes tells on which nodes a Pod can land, and what these nodes say
// about an image: the platforms that it must have, the runtime that pulls it,
// and whether it is there already.
package nodes

import (
	"unique"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
)

// Node is what of a cluster's node matters to a pull.
type Node struct {
	Name   string
	Labels map[string]string
	Taints []corev1.Taint
	// Platform is normalised as containerd does.
	Platform ocispec.Platform
	// Runtime is the container runtime, "containerd" or "cri-o".
	Runtime string
	// RuntimeVersion is its version, without a leading v.
	RuntimeVersion string

	images []unique.Handle[string]
}

// FromObject keeps what matters of a node and lets the rest go.
func FromObject(n *corev1.Node) Node { return Node{Name: n.Name} }

// Feasible returns the nodes on which a Pod with this spec can land.
func Feasible(nodes []Node, spec *corev1.PodSpec, daemonSet bool) []Node { return nodes }

// Platforms returns the platforms of the nodes, each once.
func Platforms(nodes []Node) []ocispec.Platform { return nil }

// Has tells whether the node lists the image.
func (n Node) Has(image reference.Named) bool { return false }
