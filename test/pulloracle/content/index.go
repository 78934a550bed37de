package content

import (
	"fmt"
	"strings"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Index is a list of images for several platforms.
type Index struct {
	// Docker has it in Docker's format.
	Docker  bool
	Entries []Entry
	// Body changes the index's bytes before they are stored.
	Body func(string) string
	// Missing: the registry lost it.
	Missing bool
}

// Entry is one line of an Index.
type Entry struct {
	// Platform is OS/ARCH[/VARIANT] as written, without any normalisation;
	// empty: the entry names none.
	Platform string
	// Of is what the entry leads to; nil: an image of that platform.
	Of Content
	// Missing: the registry lost what the entry leads to.
	Missing bool
	// Change is applied to the entry last.
	Change func(*ocispec.Descriptor)
}

func (i Index) put(s *Store, seed string) (ocispec.Descriptor, error) {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{}, Annotations: map[string]string{"seed": seed},
	}
	if i.Docker {
		index.MediaType = DockerList
	}
	for n, entry := range i.Entries {
		desc, err := entry.put(s, fmt.Sprintf("%s-%d", seed, n), i.Docker)
		if err != nil {
			return desc, err
		}
		index.Manifests = append(index.Manifests, desc)
	}
	desc, err := s.addJSON("index", index.MediaType, index)
	if err != nil {
		return desc, err
	}
	if i.Body != nil {
		blob := s.blobs[desc.Digest]
		s.remove(desc.Digest)
		desc = s.add("index", index.MediaType, []byte(i.Body(string(blob.Data))))
	}
	if i.Missing {
		s.remove(desc.Digest)
	}
	return desc, nil
}

func (e Entry) put(s *Store, seed string, docker bool) (ocispec.Descriptor, error) {
	of := e.Of
	if of == nil {
		image := Image{Docker: docker}
		if _, err := parsePlatform(e.Platform); err == nil {
			image.Platform = e.Platform
		}
		of = image
	}
	desc, err := of.put(s, seed)
	if err != nil {
		return desc, err
	}
	if e.Missing {
		s.remove(desc.Digest)
	}
	desc.Platform = asWritten(e.Platform)
	if e.Change != nil {
		e.Change(&desc)
	}
	return desc, nil
}

// asWritten splits a platform without putting it into its normal form.
func asWritten(text string) *ocispec.Platform {
	if text == "" {
		return nil
	}
	parts := append(strings.Split(text, "/"), "", "")
	return &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}
