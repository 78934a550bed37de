package nodes

import (
	"cmp"
	"strings"
	"unique"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/version"
)

// Node is what of a cluster's node matters to a pull.
type Node struct {
	Name   string
	Labels map[string]string
	Taints []corev1.Taint
	// Platform is the node's, normalised as containerd does, without a variant where
	// that is not known. It is the zero value if the node does not tell.
	Platform ocispec.Platform
	// Runtime is the name of the container runtime, "containerd" or "cri-o";
	// empty if the node does not tell.
	Runtime string
	// RuntimeVersion is the runtime's version, without a leading v.
	RuntimeVersion string
	// Registries says that the node is one of k3s or RKE2, which may have
	// mirrors and credentials of its own in registries.yaml.
	Registries bool

	// verifies tells whether the kubelet lets a Pod use an image that it
	// pulled with a pull secret only if the Pod has that secret, too.
	verifies bool
	// images are the names of the images that the node lists, and loaded those
	// of them that no registry gave it. Nodes list the same ones over and over,
	// so that each name is kept once for all of them.
	images, loaded []unique.Handle[string]
}

// FromObject keeps what matters of a node and lets the rest go. The node's
// labels and taints are shared with it. That a node is cordoned shows in its
// taints.
func FromObject(n *corev1.Node) Node {
	runtime, release, _ := strings.Cut(n.Status.NodeInfo.ContainerRuntimeVersion, "://")
	images, loaded := imagesOf(n)
	return Node{
		Name:           n.Name,
		Labels:         n.Labels,
		Taints:         n.Spec.Taints,
		Platform:       platformOf(n),
		Runtime:        runtime,
		RuntimeVersion: strings.TrimPrefix(release, "v"),
		Registries:     hasRegistries(n.Status.NodeInfo.KubeletVersion),
		verifies:       verifies(n.Status.NodeInfo.KubeletVersion),
		images:         images,
		loaded:         loaded,
	}
}

// verifies tells whether a kubelet of this version does so (KEP-2535): by
// default from 1.35 on (Kubernetes pkg/features/kube_features.go,
// KubeletEnsureSecretPulledImages). One that does not tell its version may.
func verifies(kubelet string) bool {
	v, err := version.ParseGeneric(kubelet)
	return err != nil || !v.LessThan(version.MajorMinor(1, 35))
}

// hasRegistries tells whether a kubelet is one of k3s or RKE2, whose versions
// end like v1.36.1+k3s1.
func hasRegistries(kubelet string) bool {
	return strings.Contains(kubelet, "+k3s") || strings.Contains(kubelet, "+rke2")
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
	if p = platforms.Normalize(p); p.Architecture == "arm" {
		p.Variant = "" // no Node tells it
	}
	return p
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

// imagesOf returns the names of the images that a node lists, and of those that
// were loaded onto it: what was pulled is listed by its repository's digest,
// too (containerd internal/cri/server/images/image_pull.go, PullImage), and
// digests come first (Kubernetes pkg/kubelet/nodestatus/setters.go, Images). Names that do not parse, such as a dangling image's
// "<none>:<none>", name none that a Pod could ask for.
func imagesOf(n *corev1.Node) (images, loaded []unique.Handle[string]) {
	for _, image := range n.Status.Images {
		pulled := map[string]bool{}
		for _, name := range image.Names {
			named, err := reference.ParseNormalizedNamed(name)
			if err != nil {
				continue
			}
			if _, digested := named.(reference.Digested); digested {
				pulled[named.Name()] = true
			}
			images = append(images, imageKey(named))
			if !pulled[named.Name()] {
				loaded = append(loaded, imageKey(named))
			}
		}
	}
	return images, loaded
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
