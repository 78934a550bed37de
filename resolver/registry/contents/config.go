package contents

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxConfig is up to which size a config is read; a larger one is only looked
// for. Real ones have some kilobytes.
const MaxConfig = 4 << 20

// Layers lists those parts of a manifest that are unpacked.
func Layers(parts []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(parts), func(d ocispec.Descriptor) bool { return !images.IsLayerType(d.MediaType) })
}

// DiffIDs reads what a config says of layers.
func DiffIDs(config []byte) ([]digest.Digest, error) {
	var document struct {
		ocispec.Platform
		RootFS ocispec.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &document); err != nil {
		return nil, fmt.Errorf("unmarshal image config: %w", err)
	}
	return document.RootFS.DiffIDs, nil
}

// Unpacked compares the config of an image with its layers (containerd's
// core/unpack/unpacker.go, unpack, which looks at nothing but images).
func Unpacked(image Image, config []byte) error {
	layers := Layers(image.Parts)
	if !images.IsConfigType(image.Config.MediaType) || len(layers) == 0 {
		return nil
	}
	diffs, err := DiffIDs(config)
	if err == nil && len(diffs) != len(layers) {
		err = fmt.Errorf("number of layers and diffIDs don't match: %d != %d", len(layers), len(diffs))
	}
	return err
}
