package explain

import (
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
)

// OnNode tells whether no registry has a part in it.
func (c Cause) OnNode() bool {
	switch c {
	case NoSpace, NotUnpacked, PullRateOnNode, Queued, Hanging, NotCreated, Sandbox, SignatureRefused:
		return true
	default:
		return false
	}
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
