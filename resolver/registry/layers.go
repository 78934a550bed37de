package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxConfig is up to which size a config is read; a larger one is only looked
// for. Real ones have some kilobytes.
const maxConfig = 4 << 20

// layers makes sure that config and layers of all that was fetched are there,
// and that they belong together. The local path unpacks whatever it pulls.
func (k *check) layers(ctx context.Context, fetched *pulled, local bool) error {
	if !k.Layers {
		return nil
	}
	for _, desc := range fetched.manifests {
		manifest, err := images.Manifest(ctx, fetched, desc, nil)
		if err != nil {
			return err
		}
		if err := k.unpackable(ctx, fetched.store, manifest, local); err != nil {
			return err
		}
		for _, layer := range manifest.Layers {
			if err := fetched.exists(ctx, layer); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpackable reads the config and compares it with the layers, as containerd
// does before it unpacks.
func (k *check) unpackable(ctx context.Context, s *store, manifest ocispec.Manifest, local bool) error {
	if manifest.Config.Size > maxConfig {
		return s.exists(ctx, manifest.Config)
	}
	blob, err := content.ReadBlob(ctx, s, manifest.Config)
	if err != nil {
		return err
	}
	if err := s.exists(ctx, manifest.Config); err != nil {
		return err
	}
	layers := slices.DeleteFunc(slices.Clone(manifest.Layers), func(d ocispec.Descriptor) bool { return !images.IsLayerType(d.MediaType) })
	known := images.IsConfigType(manifest.Config.MediaType)
	unpacked := known && len(layers) > 0 // core/unpack/unpacker.go, unpack, looks at nothing but images
	if !unpacked && !local {
		return nil
	}
	diffs, err := diffIDs(blob)
	switch {
	case err != nil:
	case unpacked && len(diffs) != len(layers):
		err = fmt.Errorf("number of layers and diffIDs don't match: %d != %d", len(layers), len(diffs))
	case local:
		err = k.unpackLocal(diffs, layers, known)
	}
	if err != nil {
		return &refusedError{err}
	}
	return nil
}

// diffIDs reads what a config says of layers.
func diffIDs(blob []byte) ([]digest.Digest, error) {
	var config struct {
		ocispec.Platform
		RootFS ocispec.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(blob, &config); err != nil {
		return nil, fmt.Errorf("unmarshal image config: %w", err)
	}
	return config.RootFS.DiffIDs, nil
}

// unpackLocal is what the local path does once more when all is there
// (client/image.go, Unpack and getLayers): beneath a config of another type the
// unpacker fetched no layers.
func (k *check) unpackLocal(diffs []digest.Digest, layers []ocispec.Descriptor, known bool) error {
	var err error
	switch {
	case len(diffs) != len(layers):
		err = errors.New("mismatched image rootfs and manifest layers")
	case len(layers) > 0 && !known:
		err = fmt.Errorf("apply layer error for %q: failed to extract layer %s: failed to get reader from content store: content digest %s: %w",
			k.Image, diffs[0], layers[0].Digest, errdefs.ErrNotFound)
	default:
		return nil
	}
	return fmt.Errorf("failed to unpack image on snapshotter overlayfs: %w", err)
}

// wrongArchitecture notes that a single manifest, whose platform no node looks
// at when it pulls, is for none of the nodes. It reads the config, and so is
// for depth layers.
func (k *check) wrongArchitecture(ctx context.Context, s *store, root ocispec.Descriptor) []pull.Note {
	if !k.Layers || !images.IsManifestType(root.MediaType) {
		return nil
	}
	manifest, err := images.Manifest(ctx, s, root, nil)
	if err != nil || manifest.Config.Size > maxConfig {
		return nil
	}
	is, err := images.ConfigPlatform(ctx, s, manifest.Config)
	if err != nil || is.OS == "" || is.Architecture == "" {
		return nil
	}
	for _, platform := range k.Platforms {
		if platforms.Only(platform).Match(is) {
			return nil
		}
	}
	return []pull.Note{{Reason: pull.WrongArchitecture,
		Message: oneLine(fmt.Sprintf("the image is for %s and will be pulled, but will not run on nodes of other platforms", platforms.FormatAll(is)))}}
}
