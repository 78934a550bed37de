package registry

import (
	"fmt"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// readKey identifies what was read at a digest. The repository belongs to it,
// since children are looked for there, and so does what the registry said of
// the content, which containerd believes.
type readKey struct {
	repository, digest, mediaType, platforms string
	runtimes                                 pull.Runtimes
	size                                     int64
}

func keyOf(q pull.Query, root ocispec.Descriptor) readKey {
	names := make([]string, 0, len(q.Platforms))
	for _, p := range q.Platforms {
		names = append(names, platforms.FormatAll(p))
	}
	return readKey{
		repository: q.Image.Name(), digest: root.Digest.String(), mediaType: root.MediaType,
		platforms: strings.Join(names, ","), runtimes: q.Runtimes, size: root.Size,
	}
}

// readSize is about what a finding takes that is kept.
func readSize(key readKey, finding pull.Finding) int64 {
	const fixed = 256
	size := fixed + len(key.repository) + len(key.digest) + len(key.mediaType) + len(key.platforms)
	for _, note := range finding.Notes {
		size += len(note.Message)
	}
	return int64(size)
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
