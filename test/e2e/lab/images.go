package lab

import (
	"archive/tar"
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// picture is an image to be made: an index when it has several platforms, or
// when it says so, and a single manifest otherwise.
type picture struct {
	name      string
	platforms []string
	index     bool
}

// openImages are what the open registry has.
func openImages() []picture {
	both := []string{"linux/amd64", "linux/arm64"}
	images := []picture{
		{name: "shop/api:2.0", platforms: []string{"linux/amd64"}},
		{name: "shop/api:2.1", platforms: []string{"linux/amd64"}},
		{name: "shop/arm:1.0", platforms: []string{"linux/arm64"}},
		{name: "shop/intel:1.0", platforms: []string{"linux/amd64"}, index: true},
		{name: "shop/mainframe:1.0", platforms: []string{"linux/s390x"}, index: true},
		{name: "tools/debug:1.36", platforms: both},
	}
	for _, tag := range []string{"1.27", "1.28", "1.29", "1.29-alpine", "latest"} {
		images = append(images, picture{name: "shop/web:" + tag, platforms: both})
	}
	for worker := range 20 {
		images = append(images, picture{name: fmt.Sprintf("shop/worker-%02d:1.0", worker), platforms: both})
	}
	return images
}

// privateImages are what the registries have that want credentials. To
// team/vault nobody has access with tokens.
func privateImages() []picture {
	both := []string{"linux/amd64", "linux/arm64"}
	return []picture{
		{name: "shop/private:1.0", platforms: both},
		{name: "shop/private:1.1", platforms: both},
		{name: "team/vault:1.0", platforms: both},
	}
}

// fill puts images into a registry.
func fill(registry http.RoundTripper, images []picture) error {
	for _, image := range images {
		if err := push(registry, image); err != nil {
			return fmt.Errorf("put %s into a registry: %w", image.name, err)
		}
	}
	return nil
}

func push(registry http.RoundTripper, image picture) error {
	ref, err := name.ParseReference("registry.example/"+image.name, name.Insecure)
	if err != nil {
		return err
	}
	transport := remote.WithTransport(registry)
	if len(image.platforms) == 1 && !image.index {
		single, err := newImage(image.name, image.platforms[0])
		if err != nil {
			return err
		}
		return remote.Write(ref, single, transport)
	}
	index, err := newIndex(image.name, image.platforms)
	if err != nil {
		return err
	}
	return remote.WriteIndex(ref, index, transport)
}

// newIndex makes an index over one image a platform.
func newIndex(content string, platforms []string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range platforms {
		image, err := newImage(content, platform)
		if err != nil {
			return nil, err
		}
		described, err := v1.ParsePlatform(platform)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: described},
		})
	}
	return index, nil
}

// newImage makes a small image of one layer with one file. Equal arguments
// give an equal digest, so that recorded texts stay as they are.
func newImage(content, platform string) (v1.Image, error) {
	layer, err := newLayer(content + " for " + platform)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, _ = strings.Cut(platform, "/")
	config.Config.Entrypoint = []string{"/hello"}
	return mutate.ConfigFile(image, config)
}

func newLayer(content string) (v1.Layer, error) {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	header := &tar.Header{Name: "hello", Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}
	if err := writer.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := writer.Write([]byte(content)); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer), nil
}
