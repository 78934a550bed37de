package containerd

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// unpackLocal is what the local path, which unpacks whatever it pulls, does once
// more where the unpacker had nothing to unpack (client/image.go, Unpack and
// getLayers): beneath a config of another type it fetched no layers.
func unpackLocal(image reference.Named) contents.Unpack {
	return func(of contents.Image, config []byte) error {
		if err := contents.Unpacked(of, config); err != nil {
			return err
		}
		layers, fetched := contents.Layers(of.Layers), contents.Layers(of.Parts)
		if len(fetched) > 0 {
			return nil
		}
		diffs, err := rootFS(of, config)
		switch {
		case err != nil:
			err = fmt.Errorf("failed to resolve rootfs: %w", err)
		case len(diffs) != len(layers):
			err = errors.New("mismatched image rootfs and manifest layers")
		case len(layers) > 0:
			err = fmt.Errorf("apply layer error for %q: failed to extract layer %s: failed to get reader from content store: content digest %s: %w",
				image, diffs[0], layers[0].Digest, errdefs.ErrNotFound)
		default:
			return nil
		}
		return fmt.Errorf("failed to unpack image on snapshotter overlayfs: %w", err)
	}
}

// rootFS reads a config as a whole (core/images/image.go, RootFS).
func rootFS(of contents.Image, config []byte) ([]digest.Digest, error) {
	if config == nil {
		return nil, fmt.Errorf("content digest %v: %w", of.Config.Digest, errdefs.ErrNotFound)
	}
	var document ocispec.Image
	err := json.Unmarshal(config, &document)
	return document.RootFS.DiffIDs, err
}
