package pull

import (
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Facts are all that is known of one image of a Pod. Decisions are taken on
// them, and words are written from them; nothing reads the words back.
type Facts struct {
	// Written is the reference as it stands in the object.
	Written string
	// Named is the reference as nodes read it, with its tag; nil where they
	// cannot.
	Named reference.Named
	// Unparsable is why they cannot.
	Unparsable error
	// NoPods says that the API server refuses Pods with such a reference, so
	// that no node will see it.
	NoPods bool
	// FilledBy says who puts another reference in its place before nodes see it;
	// empty: nobody.
	FilledBy string
	// ServiceAccount is the one under which the Pod runs.
	ServiceAccount string

	// Platforms are those of the nodes; empty: any will do.
	Platforms []ocispec.Platform
	// Pending says that there was no time left to ask.
	Pending bool
	// Finding is what the registry's answers came to, with the Reason that
	// counts.
	Finding Finding
	// Said is the registry's own reason, where what is known of the nodes puts
	// it in doubt.
	Said Reason
	// Attempts are what became of the credentials that match.
	Attempts []Attempt
	// Malformed is a pull secret with which the kubelet fails before it tries
	// anything; nil: none.
	Malformed *Malformed
	// Incomplete says why not all credentials could be seen; empty when all
	// could.
	Incomplete string
	// Hidden says that nodes may hold credentials for the host that are not
	// known here, and AuthFile that only CRI-O's global_auth_file may.
	Hidden, AuthFile bool
	// Settings says that nodes have settings of their own for registries,
	// mirrors or credentials, which are not known here.
	Settings bool
	// Short is the name that CRI-O may look for elsewhere, for want of a
	// registry in it; empty where that casts no doubt.
	Short string

	// Never says that the pull policy is Never.
	Never bool
	// Present is where the image is already.
	Present Presence
	// Help is what was found that may help.
	Help Remedy
}

// Verdict is that of the reason that counts.
func (f *Facts) Verdict() Verdict { return f.Finding.Reason.Verdict() }

// InCloud tells whether a cloud let our own identity in.
func (f *Facts) InCloud() bool {
	for _, attempt := range f.Attempts {
		if attempt.Outcome == Accepted && attempt.Source.Kind == FromCloud {
			return true
		}
	}
	return false
}

// Malformed is a pull secret whose content the kubelet cannot read.
type Malformed struct {
	// Secret is NAMESPACE/NAME.
	Secret string
	// ServiceAccount is NAMESPACE/NAME of the one that lists the secret,
	// empty where the Pod does.
	ServiceAccount string
	// Text is the kubelet's error. It becomes the container's waiting reason.
	Text string
}

// Presence is where an image is already.
type Presence struct {
	// Node is the name of a node that lists it; empty: none is known.
	Node string
	// Lent says that the node may give it only to Pods with the pull secret
	// that pulled it.
	Lent bool
}

// Remedy is what was found that may help, by looking further.
type Remedy struct {
	// Suggestions are references that would work or nearly so.
	Suggestions []string
	// Untagged says that no tag was written, so that it means latest.
	Untagged bool
	// Listed says that the registry lists the tag all the same, and Unlisted
	// that it does not list any.
	Listed, Unlisted bool
	// Elsewhere is a reference under which the image is there, on a registry
	// for which there is a pull secret.
	Elsewhere string
	// Digest is that of the tag beside a digest that is not there.
	Digest digest.Digest
	// Note is the word on a pull secret that should have helped.
	Note string
}
