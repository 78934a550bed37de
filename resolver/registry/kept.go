package registry

import (
	"crypto/sha256"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// readKey identifies what was read at a digest. The repository belongs to it,
// since children are looked for there, and so does what the registry said of
// the content, which containerd believes, and the Client, by its number. It is a
// hash of all that.
type readKey [sha256.Size]byte

func keyOf(client uint32, q pull.Query, root ocispec.Descriptor) readKey {
	parts := make([]string, 0, len(q.Platforms))
	for _, p := range q.Platforms {
		parts = append(parts, platforms.FormatAll(p))
	}
	return sha256.Sum256(fmt.Appendf(nil, "%d %q %q %q %q %d %d",
		client, q.Image.Name(), root.Digest, root.MediaType, parts, q.Runtimes, root.Size))
}

// readSize is about what a finding takes that is kept.
func readSize(_ readKey, kept pull.Kept) int64 {
	const fixed = 128
	return fixed + kept.Bytes()
}

// mismatch notes that some nodes fare otherwise.
func mismatch(format string, args ...any) pull.Note {
	return pull.Note{Reason: pull.SomeNodesMismatch, Message: answers.Line(fmt.Sprintf(format, args...), answers.MaxNode)}
}

// pulledReference is the reference that containerd resolves: with a digest,
// the tag is dropped and never checked.
func pulledReference(image reference.Named) reference.Named {
	digested, ok := image.(reference.Digested)
	if !ok {
		return reference.TagNameOnly(image)
	}
	canonical, err := reference.WithDigest(reference.TrimNamed(image), digested.Digest())
	if err != nil {
		return image // cannot be: the parts come from a valid reference
	}
	return canonical
}
