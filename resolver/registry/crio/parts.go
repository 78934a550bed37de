package crio

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// maxLayers bounds how many layers are looked for; overlayfs takes 128 at most.
const maxLayers = 512

// checkImage looks at an image as it is copied into the node's store (copy/
// single.go, copySingleImage).
func (i *Image) checkImage(ctx context.Context, one single, layers bool) error {
	if err := one.mayHaveConfig(); err != nil {
		return saying(one.saying+"parsing image configuration: ", err)
	}
	if layers {
		config, size, err := i.config(ctx, one)
		if err != nil {
			return saying(one.saying+"parsing image configuration: ", err)
		}
		if err := i.checkLayers(ctx, one, config); err != nil {
			return saying(one.saying, err)
		}
		if told := one.parsed.ConfigInfo().Size; config != nil && told >= 0 && told != size { // storage/storage_dest.go, found when it is written
			return saying(one.saying, &refusedError{words: "writing blob: blob size mismatch"})
		}
	}
	// storage/storage_dest.go, Commit, which goes by what the manifest calls itself.
	if _, err := manifest.FromBlob(one.blob, manifest.GuessMIMEType(one.blob)); err != nil {
		return saying("committing the finished image: parsing manifest: ", &refusedError{words: err.Error()})
	}
	return nil
}

// mayHaveConfig tells whether a manifest of OCI has an image's config (internal/
// image/oci.go, OCIConfig, and internal/manifest/errors.go).
func (s *single) mayHaveConfig() error {
	oci, ok := s.parsed.(*manifest.OCI1)
	switch {
	case !ok, oci.Config.MediaType == ocispec.MediaTypeImageConfig:
		return nil
	case oci.Config.MediaType == manifest.DockerV2Schema2ConfigMediaType:
		return &refusedError{words: fmt.Sprintf("invalid mixed OCI image with Docker v2s2 config (%q)", oci.Config.MediaType)}
	case oci.ArtifactType != "":
		return &refusedError{words: fmt.Sprintf("unsupported image-specific operation on artifact with type %q", oci.ArtifactType)}
	default:
		return &refusedError{words: fmt.Sprintf("unsupported image-specific operation on artifact with type %q", oci.Config.MediaType)}
	}
}

// config reads an image's config, and how large it is; nil for schema 1, which has
// none.
func (i *Image) config(ctx context.Context, one single) (*ocispec.Image, int64, error) {
	if _, old := one.parsed.(*manifest.Schema1); old {
		return nil, 0, nil
	}
	if err := one.parsed.ConfigInfo().Digest.Validate(); err != nil { // docker/docker_client.go, getBlob
		return nil, 0, &refusedError{words: err.Error()}
	}
	blob, err := i.configBlob(ctx, one)
	if err != nil {
		return nil, 0, err
	}
	var config ocispec.Image
	if err := json.Unmarshal(blob, &config); err != nil {
		return nil, 0, &refusedError{words: err.Error()}
	}
	return &config, int64(len(blob)), nil
}

// configBlob reads a config, whatever it is (internal/image/oci.go, ConfigBlob).
func (i *Image) configBlob(ctx context.Context, one single) ([]byte, error) {
	want := one.parsed.ConfigInfo().Digest
	resp, err := i.session.blobOf(ctx, "config", want)
	if err != nil {
		return nil, err
	}
	blob, err := atMost(resp, maxConfig)
	if err != nil {
		return nil, err
	}
	if actual := digest.FromBytes(blob); actual != want {
		return nil, &refusedError{words: fmt.Sprintf("Download config.json digest %s does not match expected %s", actual, want)}
	}
	return blob, nil
}

// ConfigPlatform is what the config of a single image says it is for, and whether
// it says so.
func (i *Image) ConfigPlatform(ctx context.Context) (ocispec.Platform, bool) {
	parsed, err := manifest.FromBlob(i.blob, i.Root.MediaType)
	if err != nil {
		return ocispec.Platform{}, false
	}
	config, _, err := i.config(ctx, single{parsed: parsed})
	if err != nil || config == nil {
		return ocispec.Platform{}, false
	}
	return config.Platform, config.OS != "" && config.Architecture != ""
}

// checkLayers looks for the layers, and for their number in the config (storage/
// storage_dest.go, untrustedLayerDiffID). How large the manifest says that they are
// CRI-O does not mind.
func (i *Image) checkLayers(ctx context.Context, one single, config *ocispec.Image) error {
	infos := one.parsed.LayerInfos()
	for n, layer := range infos {
		if err := i.lookFor(ctx, layer.BlobInfo, !strings.HasSuffix(layer.MediaType, "+encrypted")); err != nil { // nodes may have a key
			return err
		}
		if config != nil && len(config.RootFS.DiffIDs) > 0 && n >= len(config.RootFS.DiffIDs) {
			return &refusedError{words: fmt.Sprintf("partial pull of blob %s: image config has only %d DiffID values, but a layer with index %d exists",
				layer.Digest, len(config.RootFS.DiffIDs), n)}
		}
	}
	return nil
}

// checkArtifact looks at what is copied as it is: the layers, then the config.
func (i *Image) checkArtifact(ctx context.Context, one single, layers bool) error {
	if !layers {
		return nil
	}
	const words = artifactWords + "copy artifact: "
	for _, layer := range one.parsed.LayerInfos() {
		if err := i.lookFor(ctx, layer.BlobInfo, false); err != nil {
			return saying(words, err)
		}
	}
	info := one.parsed.ConfigInfo()
	if info.Digest == "" {
		return nil
	}
	blob, err := i.configBlob(ctx, one)
	if err != nil {
		return saying(fmt.Sprintf("%sreading config blob %s: ", words, info.Digest), err)
	}
	if info.Size >= 0 && info.Size != int64(len(blob)) { // oci/layout/oci_dest.go, PutBlobWithOptions
		return saying(words, &refusedError{words: fmt.Sprintf("writing blob: Size mismatch when copying %s, expected %d, got %d", info.Digest, info.Size, len(blob))})
	}
	return nil
}

// lookFor asks for a layer, which is unpacked or not. What may be had elsewhere is not looked for: addresses
// that a manifest names are not dialled on behalf of a Pod.
func (i *Image) lookFor(ctx context.Context, layer types.BlobInfo, unpacks bool) error {
	if err := layer.Digest.Validate(); err != nil {
		return &refusedError{words: fmt.Sprintf("trying to reuse blob %s at destination: Can not check for a blob with invalid digest: %v", layer.Digest, err)}
	}
	if len(layer.URLs) > 0 {
		return nil
	}
	if i.looked[layer.Digest] {
		return nil
	}
	if len(i.looked) >= maxLayers {
		return fmt.Errorf("the image has more than %d layers", maxLayers)
	}
	resp, err := i.session.blobOf(ctx, "layer", layer.Digest)
	if err != nil {
		return saying(fmt.Sprintf("reading blob %s: ", layer.Digest), err)
	}
	if i.looked == nil {
		i.looked = map[digest.Digest]bool{}
	}
	i.looked[layer.Digest] = true
	return readLayer(resp, layer.Digest, unpacks)
}
