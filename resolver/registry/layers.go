package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxConfig is up to which size a config is read; a larger one is only looked
// for. Real ones have some kilobytes.
const maxConfig = 4 << 20

// layers makes sure that config and layers of all that was fetched are there,
// and that they belong together.
func (k *check) layers(ctx context.Context, fetched *pulled) error {
	if !k.Layers {
		return nil
	}
	for _, desc := range fetched.manifests {
		manifest, err := images.Manifest(ctx, fetched, desc, nil)
		if err != nil {
			return err
		}
		if err := unpackable(ctx, fetched.store, manifest); err != nil {
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

// unpackable reads the config as containerd's unpacker does (core/unpack/
// unpacker.go, unpack), which looks at nothing but images.
func unpackable(ctx context.Context, s *store, manifest ocispec.Manifest) error {
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
	layers := 0
	for _, layer := range manifest.Layers {
		if images.IsLayerType(layer.MediaType) {
			layers++
		}
	}
	if layers == 0 || !images.IsConfigType(manifest.Config.MediaType) {
		return nil
	}
	var config struct {
		ocispec.Platform
		RootFS ocispec.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(blob, &config); err != nil {
		return &refusedError{fmt.Errorf("unmarshal image config: %w", err)}
	}
	if diffs := len(config.RootFS.DiffIDs); diffs != layers {
		return &refusedError{fmt.Errorf("number of layers and diffIDs don't match: %d != %d", layers, diffs)}
	}
	return nil
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
