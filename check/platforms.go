package check

import (
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/workload"
)

// Platforms are those of nodes that nobody can look at. Of a Pod that asks for
// an operating system or an architecture only those that fit are meant.
type Platforms struct {
	given []nodes.Node
	other []nodes.Node
}

// NewPlatforms makes Platforms of those that are given; of none, of the usual
// ones, which are linux/amd64 and linux/arm64.
func NewPlatforms(given []ocispec.Platform) *Platforms {
	if len(given) == 0 {
		given = []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
	}
	p := &Platforms{}
	for _, platform := range given {
		p.given = append(p.given, node(platform))
	}
	for _, name := range []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x", "linux/ppc64le", "linux/riscv64", "windows/amd64"} {
		if platform, err := platforms.Parse(name); err == nil {
			p.other = append(p.other, node(platform))
		}
	}
	return p
}

// node is one of a platform, of which nothing else is known.
func node(platform ocispec.Platform) nodes.Node {
	platform = platforms.Normalize(platform)
	return nodes.Node{Platform: platform, Labels: map[string]string{
		corev1.LabelOSStable: platform.OS, corev1.LabelArchStable: platform.Architecture,
		"beta.kubernetes.io/os": platform.OS, "beta.kubernetes.io/arch": platform.Architecture,
	}}
}

// Names lists the given ones; none of nil.
func (p *Platforms) Names() []string {
	if p == nil {
		return nil
	}
	return names(nodes.Platforms(p.given))
}

func names(all []ocispec.Platform) []string {
	var names []string
	for _, platform := range all {
		names = append(names, platforms.FormatAll(platform))
	}
	return names
}

// part is some templates of a workload, and the platforms for which they are.
type part struct {
	workload  workload.Workload
	platforms []ocispec.Platform
}

// split parts a workload by the platforms for which its templates are. Where
// the nodes are known it stays whole.
func (p *Platforms) split(w workload.Workload) []part {
	if p == nil {
		return []part{{workload: w}}
	}
	var parts []part
	for _, t := range w.Templates {
		meant := p.of(t.Spec, w.DaemonSet())
		same := func(other part) bool { return slices.EqualFunc(other.platforms, meant, equal) }
		i := slices.IndexFunc(parts, same)
		if i < 0 {
			i = len(parts)
			parts = append(parts, part{workload: w, platforms: meant})
			parts[i].workload.Templates = nil
		}
		parts[i].workload.Templates = append(parts[i].workload.Templates, t)
	}
	return parts
}

func equal(a, b ocispec.Platform) bool { return platforms.FormatAll(a) == platforms.FormatAll(b) }

// of returns the platforms on which Pods can land: of the given ones those
// that fit, else of all those that do, else the given ones.
func (p *Platforms) of(spec *corev1.PodSpec, daemonSet bool) []ocispec.Platform {
	asked := onlyPlatform(spec)
	for _, candidates := range [][]nodes.Node{p.given, p.other} {
		if fit := nodes.Feasible(candidates, asked, daemonSet); len(fit) > 0 {
			return nodes.Platforms(fit)
		}
	}
	return nodes.Platforms(p.given)
}

// onlyPlatform keeps of a spec what it says of platforms: other labels, names
// and taints are those of nodes that are not known.
func onlyPlatform(spec *corev1.PodSpec) *corev1.PodSpec {
	kept := &corev1.PodSpec{OS: spec.OS, NodeSelector: map[string]string{}}
	for key, value := range spec.NodeSelector {
		if aboutPlatform(key) {
			kept.NodeSelector[key] = value
		}
	}
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return kept
	}
	required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		return kept
	}
	var terms []corev1.NodeSelectorTerm
	for _, term := range required.NodeSelectorTerms {
		about := slices.DeleteFunc(slices.Clone(term.MatchExpressions), func(r corev1.NodeSelectorRequirement) bool { return !aboutPlatform(r.Key) })
		if len(about) == 0 {
			return kept // any platform fits this one, and one is enough
		}
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: about})
	}
	kept.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
	return kept
}

func aboutPlatform(label string) bool {
	return strings.HasSuffix(label, "kubernetes.io/os") || strings.HasSuffix(label, "kubernetes.io/arch")
}
