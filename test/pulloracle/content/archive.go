package content

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Archive writes what the tag leads to as an OCI layout in a tar file, by this
// name, as people bring images to nodes without a registry.
func (s *Store) Archive(to io.Writer, name string) error {
	root := s.Root
	root.Annotations = map[string]string{"io.containerd.image.name": name}
	index, err := json.Marshal(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, Manifests: []ocispec.Descriptor{root}})
	if err != nil {
		return err
	}
	files := map[string][]byte{
		ocispec.ImageLayoutFile: []byte(`{"imageLayoutVersion": "` + ocispec.ImageLayoutVersion + `"}`),
		ocispec.ImageIndexFile:  index,
	}
	for d, blob := range s.blobs {
		if d.Algorithm() == digest.SHA256 {
			files["blobs/sha256/"+d.Encoded()] = blob.Data
		}
	}
	w := tar.NewWriter(to)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := WriteFile(w, name, 0o644, files[name]); err != nil {
			return err
		}
	}
	return w.Close()
}

// WriteFile adds a file to a tar file.
func WriteFile(w *tar.Writer, name string, mode int64, data []byte) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(data)), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// ProgramLayer is a layer with a program as /true.
func ProgramLayer(file string) (string, error) {
	program, err := os.ReadFile(file) //nolint:gosec // the caller's own
	if err != nil {
		return "", fmt.Errorf("read the program of containers: %w", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	err = errors.Join(WriteFile(w, "true", 0o755, program), w.Close())
	return layer.String(), err
}
