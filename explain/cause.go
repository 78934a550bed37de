package explain

import (
	"slices"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Cause is why an image is not there, as the node's own words tell it: a reason
// of the catalogue, or one of those that no registry has a part in.
type Cause string

// The causes that are not the registry's, a closed set.
const (
	// NoCause: the words tell none that is known here.
	NoCause Cause = ""
	// NoSpace: the node's disk is full.
	NoSpace Cause = "NoSpace"
	// NotUnpacked: it was pulled, and the layers could not be unpacked.
	NotUnpacked Cause = "NotUnpacked"
	// PullRateOnNode: the kubelet's own limit of pulls a second.
	PullRateOnNode Cause = "PullRateOnNode"
	// Queued: the kubelet pulls one image after the other, and another's pull
	// is under way.
	Queued Cause = "Queued"
	// Hanging: a pull that began and of which nothing came.
	Hanging Cause = "Hanging"
	// NotCreated: the API server let no Pod come to be.
	NotCreated Cause = "NotCreated"
	// Sandbox: the image of the Pod's sandbox, which the node's configuration
	// names.
	Sandbox Cause = "Sandbox"
	// SignatureRefused: a policy of the node's about signatures.
	SignatureRefused Cause = "SignatureRefused"
	// KeptFromPod: the node has the image, and gives it to Pods alone that have
	// the pull secret with which it was pulled.
	KeptFromPod Cause = "KeptFromPod"
	// NotStarted: the node has not made what containers need, and did not say
	// why.
	NotStarted Cause = "NotStarted"
)

// CauseEntry is what is said of a cause in general.
type CauseEntry struct {
	Cause Cause
	// Meaning is one sentence on what it means, Help what to do.
	Meaning, Help string
}

// Causes are all that are not the registry's, in the order in which they are
// documented.
func Causes() []CauseEntry {
	return []CauseEntry{
		{NoSpace, "The node has no room for the image.", "Remove what fills the node's disk, such as images that nothing uses, or give it a larger one."},
		{NotUnpacked, "The image was pulled, and its layers could not be unpacked.", "Push the image again with a current builder."},
		{PullRateOnNode, "The kubelet began as many pulls as it may in a second.", "Wait: it tries again. Where it comes often, raise registryPullQPS and registryBurst in the kubelet's configuration."},
		{Queued, "The kubelet pulls one image after the other, and another's pull is under way.", "Wait for it, or set serializeImagePulls: false in the kubelet's configuration."},
		{Hanging, "A pull began, and nothing came of it.", "Look on the node: only it knows how far it is."},
		{NotCreated, "The API server let no Pod come to be.", "Put right what its words name: a quota, a policy, a ServiceAccount."},
		{Sandbox, "The node cannot get the image of its Pods' sandboxes.", "Correct the sandbox image in the configuration of the node's runtime, or let the node reach its registry."},
		{SignatureRefused, "A policy of the node's about signatures refuses the image.", "Sign the image, or change the node's policy."},
		{KeptFromPod, "The node has the image, and gives it to Pods alone that have the pull secret with which it was pulled (KEP-2535, since Kubernetes 1.35).", "Give the Pod a pull secret for the image."},
		{NotStarted, "The node has not made what the Pod's containers need, and nothing says why.", "Look on the node: volumes, the network and the sandbox's image come before images."},
	}
}

// OnNode tells whether no registry has a part in it.
func (c Cause) OnNode() bool {
	return slices.ContainsFunc(Causes(), func(entry CauseEntry) bool { return entry.Cause == c })
}

// phrase is a piece of the words of kubelets (1.32 to 1.37), containerd (1.7 to
// 2.4) or CRI-O (1.34), and what it means.
type phrase struct {
	words string
	cause Cause
}

// phrases are looked for in their order: what is more precise comes first. The
// words are those of programs, which have no other form for them.
func phrases() []phrase {
	return []phrase{
		{"no space left on device", NoSpace},
		{"pull QPS exceeded", PullRateOnNode},
		{"is not present with pull policy of Never", Cause(pull.NeverPresent)},
		{"couldn't parse image name", Cause(pull.InvalidImageName)},
		{"illegal base64 data", Cause(pull.PullSecretMalformed)},
		{"unable to parse auth field", Cause(pull.PullSecretMalformed)},
		{"json: cannot unmarshal", Cause(pull.PullSecretMalformed)},
		{"failed to extract layer", NotUnpacked},
		{"failed to unpack image", NotUnpacked},
		{"wrong diff id", NotUnpacked},
		{"error unpacking image", NotUnpacked},
		{"SignatureValidationFailed", SignatureRefused},
		{"Source image rejected", SignatureRefused},
		{"image verifier", SignatureRefused},
		{"toomanyrequests", Cause(pull.RateLimited)},
		{"429 Too Many Requests", Cause(pull.RateLimited)},
		{"x509:", Cause(pull.UntrustedCertificate)},
		{"no match for platform", Cause(pull.PlatformMismatch)},
		{"no image found in image index", Cause(pull.PlatformMismatch)},
		{"no image found in manifest list", Cause(pull.PlatformMismatch)},
		{"unexpected commit digest", Cause(pull.UnsupportedImage)},
		{"invalid desc", Cause(pull.UnsupportedImage)},
		{"unmarshal image config", Cause(pull.UnsupportedImage)},
		{"no longer supported", Cause(pull.UnsupportedImage)},
		{"unexpected media type", Cause(pull.UnsupportedImage)},
		{"insufficient_scope", Cause(pull.CredentialsRequired)},
		{"authorization failed", Cause(pull.CredentialsRequired)},
		{"pull access denied", Cause(pull.CredentialsRequired)},
		{"no basic auth credentials", Cause(pull.CredentialsRequired)},
		{"failed to authorize", Cause(pull.CredentialsRequired)},
		{"unauthorized", Cause(pull.CredentialsRequired)},
		{"401 Unauthorized", Cause(pull.CredentialsRequired)},
		{"403 Forbidden", Cause(pull.CredentialsRequired)},
		{"no such host", Cause(pull.RegistryUnreachable)},
		{"connection refused", Cause(pull.RegistryUnreachable)},
		{"connection reset", Cause(pull.RegistryUnreachable)},
		{"no route to host", Cause(pull.RegistryUnreachable)},
		{"network is unreachable", Cause(pull.RegistryUnreachable)},
		{"i/o timeout", Cause(pull.RegistryUnreachable)},
		{"TLS handshake timeout", Cause(pull.RegistryUnreachable)},
		{"server gave HTTP response to HTTPS client", Cause(pull.RegistryUnreachable)},
		{"context deadline exceeded", Cause(pull.Timeout)},
		{"failed to do request", Cause(pull.RegistryUnreachable)},
		{"manifest unknown", Cause(pull.TagNotFound)},
		{"name unknown", Cause(pull.RepositoryNotFound)},
		{": not found", Cause(pull.TagNotFound)},
		{"500 Internal Server Error", Cause(pull.RegistryError)},
		{"502 Bad Gateway", Cause(pull.RegistryError)},
		{"503 Service Unavailable", Cause(pull.RegistryError)},
		{"504 Gateway", Cause(pull.RegistryError)},
		{"unexpected status", Cause(pull.RegistryError)},
	}
}

// causeOf says what a node's words mean.
func causeOf(words string) Cause {
	for _, p := range phrases() {
		if strings.Contains(words, p.words) {
			return p.cause
		}
	}
	return NoCause
}
