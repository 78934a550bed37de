package engine

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// pass is why nobody has to look.
type pass struct {
	reason  pull.Reason
	message string
}

// passesUnread tells whether nobody has to look at anything in a namespace, or
// at what a user does. The namespace's labels need not be known for it.
func (e *Engine) passesUnread(namespace, user string) bool {
	return e.Self != "" && namespace == e.Self || e.Policy.ExemptNamespace(namespace) || e.Policy.ExemptUser(user)
}

// passes tells whether nobody has to look at a workload: it is exempt, or its
// images were checked on the owner that creates it.
func (e *Engine) passes(w workload.Workload, where policy.Where, operation workload.Operation) (pass, bool) {
	why, asked := w.Annotations[policy.SkipAnnotation]
	_, mirror := w.Annotations[corev1.MirrorPodAnnotationKey]
	switch {
	case e.Policy.ExemptNamespace(where.Namespace):
		return pass{pull.Exempt, "the configuration exempts the namespace"}, true
	case !e.Policy.Looks(where):
		return pass{pull.Exempt, "the mode is off here"}, true
	case operation == workload.Create && w.Controller != nil && e.Kinds.Checked(*w.Controller):
		return pass{pull.OwnedByController, "checked on the " + w.Controller.Kind + " that controls it"}, true
	case mirror && w.Object.Kind == "Pod": // to refuse it stops nothing, and hides the Pod
		return pass{pull.Exempt, "a mirror Pod shows what a kubelet runs from a file"}, true
	case asked && e.Policy.AllowSkipAnnotation:
		return pass{pull.Exempt, policy.SkipAnnotation + ": " + why}, true
	default:
		return pass{}, false
	}
}

// passesUnchanged is for an update that leaves images, pull secrets and accounts
// as they were.
func passesUnchanged() pass {
	return pass{pull.Unchanged, "no image, pull secret or service account is new"}
}
