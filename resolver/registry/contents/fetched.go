package contents

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Fetched is what a node fetched on one way: its own content store.
type Fetched struct {
	*Store
	seen map[digest.Digest]bool
	// children are what was read names, once for however often it is named
	// itself.
	children map[Key][]ocispec.Descriptor
	images   []Image
	// unpacked are the manifests among images, with what else they lead to.
	unpacked map[Key][]ocispec.Descriptor
}

// Image is a manifest with those of its parts that a node fetches.
type Image struct {
	ocispec.Manifest
	// Parts are what is fetched of its config and layers.
	Parts []ocispec.Descriptor
}

// NewFetched returns a node that fetched nothing yet.
func NewFetched(s *Store) *Fetched {
	return &Fetched{Store: s, seen: map[digest.Digest]bool{}, children: map[Key][]ocispec.Descriptor{}, unpacked: map[Key][]ocispec.Descriptor{}}
}

// Handle fetches a manifest or index and returns what it names. It ends with the
// context even where all is at hand: of each path, and for each platform,
// megabytes may be decoded.
func (f *Fetched) Handle(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.seen[desc.Digest] = true
	if children, ok := f.children[KeyOf(desc)]; ok {
		return children, nil
	}
	if !hasChildren(desc) {
		return nil, f.foreign(ctx, desc)
	}
	if _, err := f.Store.ReaderAt(ctx, desc); err != nil {
		return nil, err
	}
	children, err := images.Children(ctx, f.Store, desc)
	if err != nil {
		return nil, &RefusedError{err}
	}
	f.children[KeyOf(desc)] = children
	return children, nil
}

// hasChildren tells manifests and indexes from what is at the end of the way.
func hasChildren(desc ocispec.Descriptor) bool {
	return images.IsManifestType(desc.MediaType) || images.IsIndexType(desc.MediaType)
}

// Unpacking takes note of what a node that unpacks fetches of each manifest,
// config and layers, instead of asking for it at once.
func (f *Fetched) Unpacking(handler images.Handler) images.HandlerFunc {
	return func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		children, err := handler.Handle(ctx, desc)
		if err != nil || !images.IsManifestType(desc.MediaType) {
			return children, err
		}
		if more, ok := f.unpacked[KeyOf(desc)]; ok {
			return more, nil
		}
		manifest, err := images.Manifest(ctx, f, desc, nil)
		if err != nil {
			return nil, err
		}
		parts := unpackedParts(children)
		for _, part := range parts {
			if err := Acceptable(part); err != nil {
				return nil, err
			}
			f.seen[part.Digest] = true
		}
		f.images = append(f.images, Image{Manifest: manifest, Parts: parts})
		more := slices.DeleteFunc(slices.Clone(parts), func(part ocispec.Descriptor) bool { return !hasChildren(part) })
		f.unpacked[KeyOf(desc)] = more
		return more, nil
	}
}

// unpackedParts leaves out the layers beneath what is no image's config: nodes
// fetch layers when they have read one (core/unpack/unpacker.go, Unpack).
func unpackedParts(parts []ocispec.Descriptor) []ocispec.Descriptor {
	if slices.ContainsFunc(parts, func(part ocispec.Descriptor) bool { return images.IsConfigType(part.MediaType) }) {
		return parts
	}
	return slices.DeleteFunc(slices.Clone(parts), func(part ocispec.Descriptor) bool { return images.IsLayerType(part.MediaType) })
}

// foreign looks for an entry of an index that is of another type than images
// have. Nodes look for it among the blobs.
func (f *Fetched) foreign(ctx context.Context, desc ocispec.Descriptor) error {
	var missing *MissingError
	err := f.Exists(ctx, desc)
	if errors.As(err, &missing) {
		return &RefusedError{err}
	}
	return err
}

// ReaderAt makes it the node's content store: what was not fetched is not
// there.
func (f *Fetched) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	if !f.seen[desc.Digest] {
		return nil, fmt.Errorf("content digest %v: %w", desc.Digest, errdefs.ErrNotFound)
	}
	return f.Store.ReaderAt(ctx, desc)
}

// Unpack is what a runtime makes of an image and its config before it unpacks;
// nil: it did not fetch the config.
type Unpack func(image Image, config []byte) error

// Complete makes sure that config and layers of all that was fetched are there,
// and that they belong together.
func (f *Fetched) Complete(ctx context.Context, unpack Unpack) error {
	for _, image := range f.images {
		if err := f.completeConfig(ctx, image, unpack); err != nil {
			return err
		}
		for _, part := range image.Parts {
			if err := f.Exists(ctx, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// completeConfig reads a config, which may be none, and compares it with the
// layers.
func (f *Fetched) completeConfig(ctx context.Context, image Image, unpack Unpack) error {
	if image.Config.Size > MaxConfig {
		return nil
	}
	var blob []byte
	if f.seen[image.Config.Digest] {
		var err error
		if blob, err = content.ReadBlob(ctx, f.Store, image.Config); err != nil {
			return err
		}
		if err := f.Exists(ctx, image.Config); err != nil {
			return err
		}
	}
	if err := unpack(image, blob); err != nil {
		return &RefusedError{err}
	}
	return nil
}

// Config reads the config of the image that was taken in the end as a whole, of
// which a node makes its record (core/images/image.go, RootFS). One that is too
// large to be read counts as right.
func (f *Fetched) Config(ctx context.Context, manifest ocispec.Manifest) error {
	if manifest.Config.Size > MaxConfig {
		return nil
	}
	if _, err := images.RootFS(ctx, f, manifest.Config); err != nil {
		return &RefusedError{err}
	}
	return nil
}

// OfNodes tells whether there can be nodes of a platform; an attestation's is
// unknown.
func OfNodes(p ocispec.Platform) bool { return p.OS != "unknown" && p.Architecture != "unknown" }
