package containerd

import (
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// unpackLocal is what the local path, which unpacks whatever it pulls, does once
// more when all is there (client/image.go, Unpack and getLayers): beneath a
// config of another type the unpacker fetched no layers.
func unpackLocal(image reference.Named) contents.Unpack {
	return func(manifest ocispec.Manifest, config []byte) error {
		if err := contents.Unpacked(manifest, config); err != nil {
			return err
		}
		diffs, err := contents.DiffIDs(config)
		if err != nil {
			return err
		}
		layers := contents.Layers(manifest)
		switch {
		case len(diffs) != len(layers):
			err = errors.New("mismatched image rootfs and manifest layers")
		case len(layers) > 0 && !images.IsConfigType(manifest.Config.MediaType):
			err = fmt.Errorf("apply layer error for %q: failed to extract layer %s: failed to get reader from content store: content digest %s: %w",
				image, diffs[0], layers[0].Digest, errdefs.ErrNotFound)
		default:
			return nil
		}
		return fmt.Errorf("failed to unpack image on snapshotter overlayfs: %w", err)
	}
}
