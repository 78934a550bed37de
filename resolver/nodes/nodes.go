// Package nodes tells on which nodes a Pod can land, and what these nodes say
// about an image: the platforms that it must have, the runtime that pulls it,
// and whether it is there already. It is pure, over whatever nodes it is given.
package nodes

import (
	"cmp"
	"strings"
	"unique"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
)

// Node is what of a cluster's node matters to a pull.
type Node struct {
	Name   string
	Labels map[string]string
	Taints []corev1.Taint
	// Platform is the node's, normalised as containerd does. It is the zero
	// value if the node does not tell.
	Platform ocispec.Platform
	// Runtime is the name of the container runtime, "containerd" or "cri-o";
	// empty if the node does not tell.
	Runtime string
	// RuntimeVersion is the runtime's version, without a leading v.
	RuntimeVersion string

	// images are the names of the images that the node lists. Nodes list the
	// same ones over and over, so that each name is kept once for all of them.
	images []unique.Handle[string]
}

// FromObject keeps what matters of a node and lets the rest go. The node's
// labels and taints are shared with it. That a node is cordoned shows in its
// taints.
func FromObject(n *corev1.Node) Node {
	runtime, version, _ := strings.Cut(n.Status.NodeInfo.ContainerRuntimeVersion, "://")
	return Node{
		Name:           n.Name,
		Labels:         n.Labels,
		Taints:         n.Spec.Taints,
		Platform:       platformOf(n),
		Runtime:        runtime,
		RuntimeVersion: strings.TrimPrefix(version, "v"),
		images:         imagesOf(n),
	}
}

// platformOf returns what the kubelet reports of the platform, or else what
// the node's well-known labels say.
func platformOf(n *corev1.Node) ocispec.Platform {
	info := n.Status.NodeInfo
	p := ocispec.Platform{
		OS:           cmp.Or(info.OperatingSystem, n.Labels[corev1.LabelOSStable]),
		Architecture: cmp.Or(info.Architecture, n.Labels[corev1.LabelArchStable]),
	}
	if p.OS == "" || p.Architecture == "" {
		return ocispec.Platform{}
	}
	if p.OS == string(corev1.Windows) {
		p.OSVersion = windowsVersion(n)
	}
	return platforms.Normalize(p)
}

// windowsVersion returns major, minor and build number, which is what
// containerd compares an image's os.version with (containerd/platforms
// platform_windows_compat.go). A kubelet on Windows reports them and a revision
// as the kernel's version (Kubernetes
// pkg/kubelet/winstats/perfcounter_nodestats_windows.go), and as a label.
func windowsVersion(n *corev1.Node) string {
	version := cmp.Or(n.Status.NodeInfo.KernelVersion, n.Labels[corev1.LabelWindowsBuild])
	parts := strings.Split(version, ".")
	return strings.Join(parts[:min(3, len(parts))], ".")
}

// imagesOf returns the names of the images that a node lists. Names that do
// not parse, such as a dangling image's "<none>:<none>", name none that a Pod
// could ask for.
func imagesOf(n *corev1.Node) []unique.Handle[string] {
	var images []unique.Handle[string]
	for _, image := range n.Status.Images {
		for _, name := range image.Names {
			if named, err := reference.ParseNormalizedNamed(name); err == nil {
				images = append(images, imageKey(named))
			}
		}
	}
	return images
}

// imageKey returns the name by which containerd keeps an image: with its tag,
// latest if it has none, or with its digest alone if it has one (containerd
// internal/cri/server/images/image_pull.go, PullImage).
func imageKey(image reference.Named) unique.Handle[string] {
	if digested, ok := image.(reference.Digested); ok {
		return unique.Make(image.Name() + "@" + digested.Digest().String())
	}
	return unique.Make(reference.TagNameOnly(image).String())
}
