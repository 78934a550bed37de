package wording

import (
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// platformHint names the labels in which the nodes differ from what the index
// has.
func platformHint(entry pull.Entry, f *pull.Facts) string {
	var labels []string
	for _, node := range f.Platforms {
		if label := differsIn(node, f.Finding.Offered); label != "" && !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
	}
	if len(labels) == 0 {
		return entry.Hint
	}
	return entry.Hint + " with a nodeSelector on " + strings.Join(labels, " and ")
}

// differsIn is the well-known label of nodes in which a platform differs from
// the nearest of those that are offered.
func differsIn(node ocispec.Platform, offered []ocispec.Platform) string {
	if len(offered) == 0 {
		return ""
	}
	sameOS := slices.DeleteFunc(slices.Clone(offered), func(p ocispec.Platform) bool { return p.OS != node.OS })
	sameArch := slices.DeleteFunc(slices.Clone(sameOS), func(p ocispec.Platform) bool { return p.Architecture != node.Architecture })
	switch {
	case len(sameOS) == 0:
		return corev1.LabelOSStable
	case len(sameArch) > 0 && node.OS == string(corev1.Windows):
		return corev1.LabelWindowsBuild
	default:
		return corev1.LabelArchStable
	}
}
