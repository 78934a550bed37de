package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Source is what an image is built of.
type Source struct {
	// Dockerfile is the recipe, and Context the folder that it copies from.
	Dockerfile, Context string
	// Version goes into the labels.
	Version string
	// Created is when it was made: the commit's time, so that it is the same again.
	Created time.Time
}

// architectures are those that there is an image for.
func architectures() []string { return []string{"amd64", "arm64"} }

// build makes one platform's image.
func (s Source) build(arch string) (v1.Image, error) {
	dockerfile, err := os.Open(s.Dockerfile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dockerfile.Close() }()
	r, err := read(dockerfile, map[string]string{"TARGETARCH": arch, "VERSION": s.Version})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, copied := range r.copies {
		layer, err := s.layer(copied)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
			Created: v1.Time{Time: s.Created}, CreatedBy: "COPY " + copied.from + " " + copied.to,
		}})
		if err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created, config.Config = "linux", arch, v1.Time{Time: s.Created}, r.config
	return mutate.ConfigFile(image, config)
}

// layer has one file, as nobody's but root's, and executable if it is here.
func (s Source) layer(copied file) (v1.Layer, error) {
	from := filepath.Join(s.Context, copied.from)
	content, err := os.ReadFile(from) //nolint:gosec // what the Dockerfile copies
	if err != nil {
		return nil, fmt.Errorf("read what the Dockerfile copies: %w; run `make image`", err)
	}
	info, err := os.Stat(from)
	if err != nil {
		return nil, err
	}
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	to := strings.TrimPrefix(path.Clean(copied.to), "/")
	for i, letter := range to {
		if letter == '/' {
			folder := tar.Header{Typeflag: tar.TypeDir, Name: to[:i+1], Mode: 0o755, ModTime: s.Created, Format: tar.FormatUSTAR}
			if err := w.WriteHeader(&folder); err != nil {
				return nil, err
			}
		}
	}
	header := tar.Header{Name: to, Mode: mode, Size: int64(len(content)), ModTime: s.Created, Format: tar.FormatUSTAR}
	if err := w.WriteHeader(&header); err != nil {
		return nil, err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}
