package contents

import (
	"context"
	"errors"
	"fmt"

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
	// itself; of configs and layers, which are not read, there are none.
	children map[Key][]ocispec.Descriptor
	// Manifests are those that were fetched, without the indexes.
	Manifests []ocispec.Descriptor
}

// NewFetched returns a node that fetched nothing yet.
func NewFetched(s *Store) *Fetched {
	return &Fetched{Store: s, seen: map[digest.Digest]bool{}, children: map[Key][]ocispec.Descriptor{}}
}

// Handle fetches a manifest or index and returns what it names. Configs and
// layers are only taken note of. It ends with the context even where all is at
// hand: of each path, and for each platform, megabytes may be decoded.
func (f *Fetched) Handle(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.seen[desc.Digest] = true
	isManifest := images.IsManifestType(desc.MediaType)
	if children, ok := f.children[KeyOf(desc)]; ok {
		return children, nil
	}
	if !isManifest && !images.IsIndexType(desc.MediaType) {
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
	if isManifest {
		f.Manifests = append(f.Manifests, desc)
		for _, child := range children { // a node fetches them, too
			if err := Acceptable(child); err != nil {
				return nil, err
			}
			f.children[KeyOf(child)] = nil
		}
	}
	return children, nil
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

// Unpack is what a runtime makes of a manifest and its config before it unpacks.
type Unpack func(manifest ocispec.Manifest, config []byte) error

// Complete makes sure that config and layers of all that was fetched are there,
// and that they belong together.
func (f *Fetched) Complete(ctx context.Context, unpack Unpack) error {
	for _, desc := range f.Manifests {
		manifest, err := images.Manifest(ctx, f, desc, nil)
		if err != nil {
			return err
		}
		if err := f.completeConfig(ctx, manifest, unpack); err != nil {
			return err
		}
		for _, layer := range manifest.Layers {
			if err := f.Exists(ctx, layer); err != nil {
				return err
			}
		}
	}
	return nil
}

// completeConfig reads a config, which may be none, and compares it with the
// layers.
func (f *Fetched) completeConfig(ctx context.Context, manifest ocispec.Manifest, unpack Unpack) error {
	if manifest.Config.Size > MaxConfig {
		return f.Exists(ctx, manifest.Config)
	}
	blob, err := content.ReadBlob(ctx, f.Store, manifest.Config)
	if err != nil {
		return err
	}
	if err := f.Exists(ctx, manifest.Config); err != nil {
		return err
	}
	if err := unpack(manifest, blob); err != nil {
		return &RefusedError{err}
	}
	return nil
}

// OfNodes tells whether there can be nodes of a platform; an attestation's is
// unknown.
func OfNodes(p ocispec.Platform) bool { return p.OS != "unknown" && p.Architecture != "unknown" }
