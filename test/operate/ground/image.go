package ground

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// archive makes an image of one static program, for sandboxes.
func archive(reference, program string) (io.Reader, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, err
	}
	layer, err := programLayer(program)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: []string{"/program"}, User: "65532:65532"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	return &buffer, tarball.Write(tag, image, &buffer)
}

// programLayer has the program as /program.
func programLayer(file string) (v1.Layer, error) {
	program, err := os.ReadFile(file) //nolint:gosec // the caller's own
	if err != nil {
		return nil, fmt.Errorf("read the program of containers: %w", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := errors.Join(content.WriteFile(w, "program", 0o755, program), w.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	})
}
