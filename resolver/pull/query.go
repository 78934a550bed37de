package pull

import (
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
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

// Key identifies a question: equal keys have equal answers, of the same moment.
// It holds no secret, and never leaves the process.
type Key struct {
	image, nodes string
	credentials  [sha256.Size]byte
	layers       bool
}

// Key identifies the question.
func (q *Query) Key() Key { return q.KeyWith(q.Credential) }

// KeyWith identifies the question that is put with one credential after the
// other, in their order. What one tenant could pull proves nothing about
// another: the credentials belong to it.
func (q *Query) KeyWith(credentials ...Credential) Key {
	key := Key{image: q.Image.String(), nodes: q.nodesKey(), layers: q.Layers}
	if len(credentials) == 1 {
		key.credentials = credentials[0].Fingerprint()
		return key
	}
	hash := sha256.New()
	for _, credential := range credentials {
		fingerprint := credential.Fingerprint()
		hash.Write(fingerprint[:])
	}
	hash.Sum(key.credentials[:0])
	return key
}

// Bytes is what a key takes, for caches that count.
func (k Key) Bytes() int64 { return int64(len(k.image)+len(k.nodes)) + sha256.Size }

// nodesKey identifies the nodes that count.
func (q *Query) nodesKey() string {
	var key strings.Builder
	key.WriteString(strconv.Itoa(int(q.Runtimes.Known())))
	if q.Runtimes.Has(CRIO) {
		key.WriteString(q.Short)
	}
	for _, platform := range q.Platforms {
		key.WriteByte(',')
		key.WriteString(platforms.FormatAll(platform))
	}
	for _, profile := range q.Profiles {
		key.WriteByte(0)
		key.WriteString(profile)
	}
	return key.String()
}
