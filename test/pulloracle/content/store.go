// Package content makes what a registry holds: images, indexes and artifacts,
// sound ones and such as nobody should have pushed. All of it is small, follows
// from the data alone, and differs between seeds down to the last layer:
// containerd keeps content by its digest, and what one scenario has pulled must
// not help another.
package content

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	_ "crypto/sha512" // digests by sha512, as the kubelet has them

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Tag is the tag under which the root of a Store is found.
const Tag = "1"

// Blob is a piece of content and what it is served as.
type Blob struct {
	MediaType string
	Data      []byte
	// Inner is a config or a layer, which no registry serves as a manifest.
	Inner bool
}

// Store is the content of one repository.
type Store struct {
	// Root is what Tag leads to.
	Root ocispec.Descriptor

	blobs map[digest.Digest]Blob
	parts map[string]digest.Digest
	lost  int // manifests that were removed
}

// Content is something that can be put into a Store.
type Content interface {
	// put adds the content and returns its descriptor.
	put(s *Store, seed string) (ocispec.Descriptor, error)
}

// New returns a Store that holds some content; none is fine.
func New(content Content, seed string) (*Store, error) {
	s := &Store{blobs: map[digest.Digest]Blob{}, parts: map[string]digest.Digest{}}
	if content == nil {
		return s, nil
	}
	root, err := content.put(s, seed)
	if err != nil {
		return nil, fmt.Errorf("make the content of %s: %w", seed, err)
	}
	s.Root = root
	s.parts["digest"] = root.Digest
	return s, nil
}

// Find returns the blob that a tag or a digest names.
func (s *Store) Find(object string) (Blob, digest.Digest, bool) {
	if object == Tag {
		object = s.Root.Digest.String()
	}
	blob, ok := s.blobs[digest.Digest(object)]
	return blob, digest.Digest(object), ok
}

// Part returns the digest of a part: "digest" is the root, "sha384" and
// "sha512" the root by another algorithm, "config" and "layer" those of the image that was made
// last, "child" its manifest.
func (s *Store) Part(name string) digest.Digest {
	if algorithm := digest.Algorithm(name); algorithm.Available() && s.Root.Digest != "" {
		return algorithm.FromBytes(s.blobs[s.Root.Digest].Data)
	}
	return s.parts[name]
}

// Digests lists all that is there, sorted: equal lists are equal contents.
func (s *Store) Digests() []string {
	var list []string
	for d := range s.blobs {
		list = append(list, d.String())
	}
	slices.SortFunc(list, cmp.Compare)
	return list
}

// Manifests counts the manifests and indexes, those that were lost included.
func (s *Store) Manifests() int {
	count := s.lost
	for d, blob := range s.blobs {
		if !blob.Inner && d.Algorithm() == digest.SHA256 {
			count++
		}
	}
	return count
}

// add stores a blob under its digests and describes it.
func (s *Store) add(part, mediaType string, data []byte) ocispec.Descriptor {
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	blob := Blob{MediaType: mediaType, Data: data, Inner: part == "config" || part == "layer"}
	s.blobs[desc.Digest] = blob
	s.blobs[digest.SHA384.FromBytes(data)] = blob
	s.blobs[digest.SHA512.FromBytes(data)] = blob
	s.parts[part] = desc.Digest
	return desc
}

// remove takes a blob away again, as a registry that lost it.
func (s *Store) remove(d digest.Digest) {
	blob := s.blobs[d]
	if !blob.Inner {
		s.lost++
	}
	delete(s.blobs, d)
	delete(s.blobs, digest.SHA384.FromBytes(blob.Data))
	delete(s.blobs, digest.SHA512.FromBytes(blob.Data))
}

// addJSON stores a document.
func (s *Store) addJSON(part, mediaType string, document any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return s.add(part, mediaType, data), nil
}

// Raw is a document as it stands; SEED in it becomes the seed.
type Raw struct {
	MediaType, Body string
}

func (r Raw) put(s *Store, seed string) (ocispec.Descriptor, error) { //nolint:unparam // an interface's method
	return s.add("child", r.MediaType, seeded(r.Body, seed)), nil
}
