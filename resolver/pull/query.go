package pull

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Query is one question: could a node pull this image with this credential?
type Query struct {
	// Image has a tag or a digest; with both, containerd drops the tag
	// (internal/cri/server/images/image_pull.go, ParseDockerRef).
	Image reference.Named
	// Short is the name as the kubelet hands it to the runtime, where it has no
	// registry: which one CRI-O asks registries.conf says. Empty: it has one.
	Short string
	// Credential is the one to offer; the zero value is none.
	Credential Credential
	// Platforms are those of the nodes; empty: any will do.
	Platforms []ocispec.Platform
	// Runtimes are the kinds of the nodes' container runtimes.
	Runtimes Runtimes
	// Profiles are the names of the nodes' profiles; that of nodes without one is
	// empty. Empty: there are no profiles.
	Profiles []string
	// Layers asks for the config and the layers, too.
	Layers bool
	// Anew says that nothing counts that was read before, be it under the same
	// digest: it may be gone. It is no part of the Key.
	Anew bool
}

// Object is what a registry is asked for: the digest of a reference, or its tag.
func Object(image reference.Named) string {
	switch image := image.(type) {
	case reference.Digested:
		return image.Digest().String()
	case reference.Tagged:
		return image.Tag()
	default:
		return "latest"
	}
}

// Key identifies a question: equal keys have equal answers, of the same moment.
// It is a hash, for as many are kept as there are answers, and never leaves the
// process.
type Key [sha256.Size]byte

// Key identifies the question.
func (q *Query) Key() Key { return q.KeyWith(q.Credential) }

// KeyWith identifies the question that is put with one credential after the
// other, in their order. What one tenant could pull proves nothing about
// another: the credentials belong to it.
func (q *Query) KeyWith(credentials ...Credential) Key {
	const usual = 512
	all := make([]byte, 0, usual)
	all = binary.AppendUvarint(all, uint64(len(credentials)))
	for _, credential := range credentials {
		fingerprint := credential.Fingerprint()
		all = append(all, fingerprint[:]...)
	}
	all = strconv.AppendBool(all, q.Layers)
	return sha256.Sum256(q.appendNodes(q.appendImage(all)))
}

// appendImage adds the reference, without a copy of it.
func (q *Query) appendImage(key []byte) []byte {
	key = append(append(key, reference.Domain(q.Image)...), '/')
	key = append(key, reference.Path(q.Image)...)
	if tagged, ok := q.Image.(reference.Tagged); ok {
		key = append(append(key, ':'), tagged.Tag()...)
	}
	if digested, ok := q.Image.(reference.Digested); ok {
		key = append(append(key, '@'), digested.Digest()...)
	}
	return append(key, 0)
}

// appendNodes adds what identifies the nodes that count.
func (q *Query) appendNodes(key []byte) []byte {
	key = strconv.AppendInt(key, int64(q.Runtimes.Known()), 10)
	if q.Runtimes.Has(CRIO) {
		key = append(key, q.Short...)
	}
	for _, platform := range q.Platforms {
		key = append(append(key, 1), platform.OS...)
		key = append(append(key, 2), platform.Architecture...)
		key = append(append(key, 2), platform.Variant...)
		key = append(append(key, 2), platform.OSVersion...)
		for _, feature := range platform.OSFeatures {
			key = append(append(key, 2), feature...)
		}
	}
	for _, profile := range q.Profiles {
		key = append(append(key, 0), profile...)
	}
	return key
}
