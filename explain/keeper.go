package explain

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// keeper is what applies an object from elsewhere, and would undo a change of it.
type keeper struct {
	// tool is its name, and where people change what it applies.
	tool, where string
}

// keeperOf names what keeps an object; the zero value: nobody is known to.
func keeperOf(meta *metav1.ObjectMeta) keeper {
	if meta == nil {
		return keeper{}
	}
	label := func(key string) string { return meta.Labels[key] }
	note := func(key string) string { return meta.Annotations[key] }
	switch {
	case note("argocd.argoproj.io/tracking-id") != "":
		application, _, _ := strings.Cut(note("argocd.argoproj.io/tracking-id"), ":")
		return keeper{"Argo CD", "in the source of its Application " + application}
	case label("argocd.argoproj.io/instance") != "":
		return keeper{"Argo CD", "in the source of its Application " + label("argocd.argoproj.io/instance")}
	case label("helm.toolkit.fluxcd.io/name") != "":
		return keeper{"Flux", "by the values of HelmRelease " + label("helm.toolkit.fluxcd.io/namespace") + "/" + label("helm.toolkit.fluxcd.io/name")}
	case label("kustomize.toolkit.fluxcd.io/name") != "":
		return keeper{"Flux", "in the source of Kustomization " + label("kustomize.toolkit.fluxcd.io/namespace") + "/" + label("kustomize.toolkit.fluxcd.io/name")}
	case note("meta.helm.sh/release-name") != "":
		return keeper{"Helm", "by the values of release " + note("meta.helm.sh/release-name")}
	default:
		return managerOf(meta)
	}
}

// managerOf tells a keeper by its field manager, where it left no other mark.
func managerOf(meta *metav1.ObjectMeta) keeper {
	for _, entry := range meta.ManagedFields {
		switch entry.Manager {
		case "argocd-controller", "argocd-application-controller":
			return keeper{"Argo CD", "in the source of its Application"}
		case "kustomize-controller":
			return keeper{"Flux", "in the source of its Kustomization"}
		case "helm-controller":
			return keeper{"Flux", "by the values of its HelmRelease"}
		case "helm":
			return keeper{"Helm", "by the values of its release"}
		}
	}
	return keeper{}
}

// madeBy is the object that makes another, such as an ExternalSecret of a Secret;
// empty: nobody.
func madeBy(meta *metav1.ObjectMeta) string {
	if owner := metav1.GetControllerOf(meta); owner != nil {
		return owner.Kind + " " + owner.Name
	}
	return ""
}
