package resolver

import (
	"context"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
)

// doubt takes back what was found where a node may know better than we do.
func (c *imageCheck) doubt(ctx context.Context, f *pull.Facts, looking *search) {
	c.doubtShortName(f)
	if f.Verdict() != pull.Broken {
		return
	}
	f.Said, f.Present = f.Finding.Reason, presentOn(c.template.likely, f.Written, c.named)
	f.AuthFile = c.template.authFile && !f.Finding.Unasked && slices.ContainsFunc(looking.trial.tried, pull.Credential.IsAnonymous)
	f.Settings = c.template.settings
	switch present := c.image.Policy == corev1.PullIfNotPresent; {
	case present && f.Present.Node != "":
		f.Finding = f.Finding.InDoubt(pull.PresentOnNodes, "")
	case present && isImageID(c.image.Reference):
		f.Finding = f.Finding.InDoubt(pull.RegistryError, "this is an image's ID, too, and nodes that have the image use it")
	case othersMay(ctx, f, looking):
		f.Finding = f.Finding.InDoubt(pull.NodeCredentialsUnknown, "")
	}
}

// presentOn finds a node that lists the image, best of all one that lets every Pod
// use it.
func presentOn(on []nodes.Node, written string, image reference.Named) (found pull.Presence) {
	short := isShort(written)
	for _, node := range on {
		if has := node.Has(image) || short && node.HasShort(image); !has {
			continue
		}
		if !node.Lends(image) {
			return pull.Presence{Node: node.Name}
		}
		if found.Node == "" {
			found = pull.Presence{Node: node.Name, Lent: true}
		}
	}
	return found
}

// othersMay tells whether there may be credentials besides those that were
// tried, and whether they could make a difference.
func othersMay(ctx context.Context, f *pull.Facts, looking *search) bool {
	match, reason := looking.trial.match, f.Finding.Reason
	switch {
	case !reason.Refused() && !reason.NotFound(), f.Finding.Unasked:
		return false
	case f.Incomplete != "" && !match.Elsewhere: // what could not be read may be the Pod's own
		return true
	case f.Settings: // a mirror may have it
		return true
	case !f.Hidden && !match.Elsewhere && !f.AuthFile:
		return false
	default:
		return reason.Refused() || reason == pull.RepositoryNotFound || !sees(ctx, f, looking)
	}
}

// sees tells whether who got a 404 may read the repository at all: registries
// that hide what they have answer 404 to whom they would refuse. The clouds to
// which we log in do not: they refuse who may not read.
func sees(ctx context.Context, f *pull.Facts, looking *search) bool {
	if f.InCloud() {
		return true
	}
	_, err := looking.tags(ctx)
	return err == nil
}

// isImageID tells whether containerd looks for a reference among the IDs of the
// images that it has, which no Node lists (internal/cri/server/images/
// image_pull.go and service.go, LocalResolve). The beginning of an ID will do
// (internal/cri/store/image/image.go, get; go-digest's digestset, Lookup).
func isImageID(image string) bool {
	digits, found := strings.CutPrefix(image, digest.Canonical.String()+":")
	return found && digits != "" && strings.Trim(digits, "0123456789abcdef") == ""
}

// neverPulled is the verdict under pull policy Never: no registry matters.
func (c *imageCheck) neverPulled(f *pull.Facts) {
	f.Never, f.Present = true, presentOn(c.template.feasible, f.Written, c.named)
	switch {
	case f.Present.Node == "":
		f.Finding.Reason = pull.NeverPresent
	case f.Present.Lent: // a node says of what it keeps from a Pod that it is not there
		f.Finding.Reason = pull.PresentOnNodes
	default:
		f.Finding.Reason = pull.ReasonPullable
	}
}

// doubtShortName takes back what was found on docker.io for nodes that may look
// for the image elsewhere.
func (c *imageCheck) doubtShortName(f *pull.Facts) {
	if !c.template.runtimes.Has(pull.CRIO) || !isShort(c.image.Reference) || f.Malformed != nil || c.resolver.RegistriesKnown || c.template.profiled() {
		return
	}
	full := withDefaultTag(c.image.Reference, c.named)
	switch verdict := f.Verdict(); {
	case verdict == pull.Broken, verdict == pull.Pullable && c.template.runtimes == pull.CRIO:
		f.Short = full
		f.Finding.Reason, f.Finding.Notes = pull.RegistryError, nil
		f.Finding.Doubt = wording.ShortNameDoubt(full)
	case verdict == pull.Pullable:
		f.Finding.Notes = append(slices.Clone(f.Finding.Notes), wording.ShortNameNote(full, c.named.String()))
	}
}

// isShort tells whether CRI-O takes a reference for a short name, which its
// registries.conf resolves (go.podman.io/image/v5 pkg/shortnames/shortnames.go,
// parseUnnormalizedShortName).
func isShort(image string) bool {
	host, _, found := strings.Cut(image, "/")
	return !found || host != "localhost" && !strings.ContainsAny(host, ".:")
}

// withDefaultTag is a reference as the kubelet hands it to the runtime
// (pkg/kubelet/images/image_manager.go, applyDefaultImageTag).
func withDefaultTag(image string, named reference.Named) string {
	if tagged, ok := named.(reference.Tagged); ok && !strings.HasSuffix(image, ":"+tagged.Tag()) && !strings.Contains(image, "@") {
		return image + ":" + tagged.Tag()
	}
	return image
}
