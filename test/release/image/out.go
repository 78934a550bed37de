package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Archive writes an OCI layout as a tar file, which containerd, podman, skopeo
// and crane read. In it the image is called by its reference.
func (b Built) Archive(file string, reference name.Tag) (err error) {
	folder, err := os.MkdirTemp("", "pullgate-image-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	out, err := layout.Write(folder, empty.Index)
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	if err := out.AppendIndex(b.Index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          reference.Name(),
		"org.opencontainers.image.ref.name": reference.TagStr(),
	})); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	for _, bill := range b.Bills {
		if err := out.AppendImage(bill); err != nil {
			return fmt.Errorf("write the bill of materials: %w", err)
		}
	}
	archive, err := os.Create(file) //nolint:gosec // the caller's own
	if err != nil {
		return err
	}
	w := tar.NewWriter(archive)
	return errors.Join(w.AddFS(os.DirFS(folder)), w.Close(), archive.Close())
}

// Push sends the image to its registry, and then what refers to it.
func (b Built) Push(reference name.Tag, options ...remote.Option) error {
	if err := remote.WriteIndex(reference, b.Index, options...); err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	for _, bill := range b.Bills {
		digest, err := bill.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(reference.Digest(digest.String()), bill, options...); err != nil {
			return fmt.Errorf("push the bill of materials of %s: %w", reference, err)
		}
	}
	return nil
}

// Sizes are how many bytes each platform's layers have, compressed.
func (b Built) Sizes() (map[string]int64, error) {
	manifest, err := b.Index.IndexManifest()
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, entry := range manifest.Manifests {
		image, err := b.Index.Image(entry.Digest)
		if err != nil {
			return nil, err
		}
		content, err := image.Manifest()
		if err != nil {
			return nil, err
		}
		sizes[entry.Platform.Architecture] = sum(content.Layers)
	}
	return sizes, nil
}

func sum(layers []v1.Descriptor) int64 {
	var total int64
	for _, layer := range layers {
		total += layer.Size
	}
	return total
}
