package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// authFile tells whether nodes may look for a credential where Pullgate does
// not: where the kubelet hands over none, or one without a user name, CRI-O
// reads its global_auth_file (CRI-O server/image_pull.go, PullImage). If the
// nodes' config.json is known, it is taken for that file, too.
func (c *imageCheck) authFile(a *answer) bool {
	return c.template.runtimes.Has(pull.CRIO) && !c.resolver.NodeConfig &&
		slices.ContainsFunc(a.tried, pull.Credential.IsAnonymous)
}

// doubtShortName takes back what was found on docker.io for nodes that may look
// for the image elsewhere.
func (c *imageCheck) doubtShortName(a *answer) {
	if !c.template.runtimes.Has(pull.CRIO) || !isShort(c.image.Reference) || a.match.Malformed != nil {
		return
	}
	fails := fmt.Sprintf("short name mode is enforcing, but image name %s returns ambiguous list", withDefaultTag(c.image.Reference, c.named))
	switch verdict := a.verdict(); {
	case verdict == pull.Broken, verdict == pull.Pullable && c.template.runtimes == pull.CRIO:
		a.finding.Reason, a.finding.Notes = pull.RegistryError, nil
		a.finding.Doubt = fmt.Sprintf("CRI-O may look for a name without a registry elsewhere than on docker.io, or nowhere (%q)", fails)
		a.short = true
	case verdict == pull.Pullable:
		a.finding.Notes = append(slices.Clone(a.finding.Notes), pull.Note{Reason: pull.SomeNodesMismatch, Message: fmt.Sprintf(
			"nodes that run CRI-O may look for a name without a registry elsewhere than on docker.io, or nowhere (%q): write %s", fails, c.named)})
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
