package keyring

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Ring holds the credentials of one Pod. It may be used by several goroutines.
type Ring struct {
	nodes     []NodeSource
	hidden    dockerconfig.Globs
	account   *Account
	secrets   []*secret
	pod       dockerconfig.Index
	malformed *Malformed
	// unseen says why not all of the Pod's own credentials are known.
	unseen unseen
	// notes are those that do not depend on the image.
	notes []pull.Note
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

// Match is what the kubelet would try for one image.
type Match struct {
	// Credentials are those that match, in the order in which they are
	// tried; of equal ones only the first. When there are none the image is
	// pulled anonymously; when there are any it never is.
	Credentials []pull.Credential
	// Malformed is set where the kubelet fails before it tries anything.
	Malformed *Malformed
	// Incomplete says why not all credentials could be seen; empty when all
	// could.
	Incomplete string
	// Elsewhere says that none of these could have been: nothing failed.
	Elsewhere bool
	// Hidden says that nodes may hold credentials for the image's host that
	// are not known here.
	Hidden bool
	// Notes are about the pull secrets that do not help.
	Notes []pull.Note
}

// unseen is what is not known, and whether anything of it should have been.
type unseen struct {
	texts  []string
	failed bool
}

// add takes up what err kept from being seen; nil stands for a failure, too.
func (u *unseen) add(err error, format string, arguments ...any) {
	u.texts = append(u.texts, fmt.Sprintf(format, arguments...))
	u.failed = u.failed || !errors.Is(err, ErrElsewhere)
}

// build indexes the secrets. One malformed secret, for whatever registry,
// spoils every look-up of the Pod; of several the kubelet names the first
// (pkg/kubelet/images, makeLookupPullCredentialsFunc).
func (r *Ring) build() {
	for _, s := range r.secrets {
		if s.malformed != "" && r.malformed == nil {
			r.malformed = &Malformed{Secret: s.path(), ServiceAccount: s.account, Text: s.malformed}
		}
		r.pod.Add(s.source, s.logins)
		r.notes = append(r.notes, s.notes()...)
	}
	r.pod.Sort()
}

// Asks tells whether a Lookup asks others, which may take long.
func (r *Ring) Asks() bool { return len(r.nodes) > 0 }

// Lookup returns what the kubelet would try for an image: all that match among
// the Pod's secrets, then among the nodes' own.
func (r *Ring) Lookup(ctx context.Context, image reference.Named) Match {
	repository := image.Name()
	own := r.pod.Lookup(repository)
	match := Match{
		Malformed: r.malformed,
		Hidden:    r.hidden.Match(repository),
		Notes:     slices.Concat(r.notes, unhelpful(r.secrets, repository, own)),
	}
	unseen := unseen{texts: slices.Clone(r.unseen.texts), failed: r.unseen.failed}
	if r.malformed == nil {
		match.Credentials = distinct(append(own, r.node(ctx, repository, &unseen)...))
	}
	match.Incomplete = strings.Join(unseen.texts, "; ")
	match.Elsewhere = match.Incomplete != "" && !unseen.failed
	return match
}

// node asks the nodes' sources. A failure of one is none to the kubelet, which
// goes on without; but our failure need not be the node's.
func (r *Ring) node(ctx context.Context, repository string, unseen *unseen) []pull.Credential {
	var credentials []pull.Credential
	for _, source := range r.nodes {
		found, err := source.Lookup(ctx, r.account, repository)
		credentials = append(credentials, found...)
		if err != nil {
			unseen.add(err, "the nodes' own credentials are not all known: %v", err)
		}
	}
	return credentials
}

// distinct drops credentials whose values came before.
func distinct(credentials []pull.Credential) []pull.Credential {
	if len(credentials) <= 1 {
		return credentials
	}
	var kept []pull.Credential
	seen := make(map[[sha256.Size]byte]bool, len(credentials))
	for _, credential := range credentials {
		print := credential.Fingerprint()
		if !seen[print] {
			seen[print] = true
			kept = append(kept, credential)
		}
	}
	return kept
}
