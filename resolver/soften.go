package resolver

import (
	"fmt"

	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// soften turns a refusal into unknown where a node may know better than we do.
func (c *imageCheck) soften(a *answer) {
	if a.verdict() != pull.Broken {
		return
	}
	a.said = a.finding.Reason
	switch present := c.image.Policy == corev1.PullIfNotPresent; {
	case present && c.presentOn().node != "":
		a.finding.Reason = pull.PresentOnNodes
	case present && isImageID(c.image.Reference):
		a.finding.Reason, a.finding.Doubt = pull.RegistryError, "this is an image's ID, too, and nodes that have the image use it"
	case c.othersMay(a):
		a.finding.Reason = pull.NodeCredentialsUnknown
	}
}

// othersMay tells whether there may be credentials besides those that were
// tried, and whether they could make a difference.
func (c *imageCheck) othersMay(a *answer) bool {
	reason := a.finding.Reason
	switch {
	case !reason.Refused() && !reason.NotFound():
		return false
	case a.match.Incomplete != "" && !a.match.Elsewhere: // what could not be read may be the Pod's own
		return true
	case !a.match.Hidden && !a.match.Elsewhere && !c.authFile(a):
		return false
	default:
		return reason.Refused() || reason == pull.RepositoryNotFound || !a.sees()
	}
}

// sees tells whether who got a 404 may read the repository at all: registries
// that hide what they have answer 404 to whom they would refuse. The clouds to
// which we log in do not: they refuse who may not read.
func (a *answer) sees() bool {
	if a.inCloud() {
		return true
	}
	_, err := a.tags()
	return err == nil
}

// isImageID tells whether containerd looks for a reference among the IDs of the
// images that it has, which no Node lists (internal/cri/server/images/
// image_pull.go and service.go, LocalResolve).
func isImageID(image string) bool {
	_, err := digest.Parse(image)
	return err == nil
}

// presence is where an image is already.
type presence struct {
	node string // empty: nowhere
	lent bool   // perhaps only to Pods with a certain pull secret
}

// String says which node has the image, and to whom that is of use.
func (p presence) String() string {
	if p.lent {
		return "node " + p.node + " has it, but only for Pods with the pull secret that pulled it, if one did (since Kubernetes 1.35)"
	}
	return "node " + p.node + " has it and uses it as it is"
}

// presentOn finds a node on which the Pod can land and that lists the image,
// best of all one that lets every Pod use it.
func (c *imageCheck) presentOn() (found presence) {
	for _, node := range c.template.feasible {
		if !node.Has(c.named) {
			continue
		}
		if !node.Lends(c.named) {
			return presence{node: node.Name}
		}
		if found.node == "" {
			found = presence{node.Name, true}
		}
	}
	return found
}

// neverPulled is the verdict under pull policy Never: no registry matters.
func (c *imageCheck) neverPulled() Result {
	result := Result{Resolved: c.named.String(), Summary: "never pulled"}
	switch on := c.presentOn(); {
	case on.node == "":
		result.Reason = pull.NeverPresent
		result.Summary += " (imagePullPolicy: Never), and no node is known to have it"
		result.Hint = "load the image onto the nodes, or set imagePullPolicy: IfNotPresent"
		result.Node = fmt.Sprintf("Container image %q is not present with pull policy of Never", c.image.Reference)
	case on.lent: // a node says of what it keeps from a Pod that it is not there
		result.Reason = pull.PresentOnNodes
		result.Summary += "; " + on.String()
		result.Hint = "give the Pod that secret, or set imagePullPolicy: IfNotPresent"
	default:
		result.Reason = pull.ReasonPullable
		result.Summary += "; " + on.String()
	}
	result.Verdict, result.Message = result.Reason.Verdict(), result.Summary
	return result
}
