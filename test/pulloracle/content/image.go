package content

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of Docker's own formats.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	DockerConfig   = "application/vnd.docker.container.image.v1+json"
	DockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// Image is a single image, or an artifact that looks like one. The zero value
// is sound: an OCI image of one layer for linux/amd64.
type Image struct {
	// Platform is what the config says; empty: linux/amd64; "none": nothing.
	Platform string
	// Docker has it in Docker's format.
	Docker bool
	// Layers; nil: one.
	Layers []Layer
	// NoLayers leaves them out.
	NoLayers bool
	// Config replaces the config's content; SEED in it becomes the seed.
	Config string
	// EditConfig changes the config's bytes before they are stored.
	EditConfig func(string) string
	// ConfigType replaces the config's media type.
	ConfigType string
	// Missing lists the parts that the registry lost: config, layer, manifest.
	Missing []string
	// Manifest changes the manifest before it is stored.
	Manifest func(*ocispec.Manifest)
	// Body changes the manifest's bytes before they are stored.
	Body func(string) string
}

// Layer is one layer. The zero value is a sound tar file.
type Layer struct {
	// Type replaces the media type.
	Type string
	// Data replaces the tar file; SEED in it becomes the seed.
	Data string
	// Gzip compresses it, and Zstd does so by another method.
	Gzip, Zstd bool
	// WrongDiffID has the config tell another digest of what is inside.
	WrongDiffID bool
}

func (i Image) put(s *Store, seed string) (ocispec.Descriptor, error) {
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Layers: []ocispec.Descriptor{}, Annotations: map[string]string{"seed": seed},
	}
	var diffIDs []digest.Digest
	for n, layer := range i.layers() {
		desc, diffID, err := layer.put(s, fmt.Sprintf("%s-%d", seed, n), i.Docker)
		if err != nil {
			return desc, err
		}
		manifest.Layers = append(manifest.Layers, desc)
		diffIDs = append(diffIDs, diffID)
	}
	config, err := i.putConfig(s, seed, diffIDs)
	if err != nil {
		return config, err
	}
	manifest.Config = config
	return i.putManifest(s, manifest)
}

func (i Image) layers() []Layer {
	switch {
	case i.NoLayers:
		return nil
	case i.Layers == nil:
		return []Layer{{}}
	default:
		return i.Layers
	}
}

func (i Image) putConfig(s *Store, seed string, diffIDs []digest.Digest) (ocispec.Descriptor, error) {
	mediaType := ocispec.MediaTypeImageConfig
	if i.Docker {
		mediaType = DockerConfig
	}
	if i.ConfigType != "" {
		mediaType = i.ConfigType
	}
	if i.Config != "" {
		return s.add("config", mediaType, seeded(i.Config, seed)), nil
	}
	config := ocispec.Image{
		Author: seed, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: diffIDs},
		Config: ocispec.ImageConfig{Cmd: []string{"/true"}},
	}
	if i.Platform != "none" {
		platform, err := parsePlatform(i.Platform)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		config.Platform = platform
	}
	body, err := json.Marshal(config)
	if i.EditConfig != nil {
		body = []byte(i.EditConfig(string(body)))
	}
	return s.add("config", mediaType, body), err
}

func (i Image) putManifest(s *Store, manifest ocispec.Manifest) (ocispec.Descriptor, error) {
	mediaType := ocispec.MediaTypeImageManifest
	if i.Docker {
		mediaType = DockerManifest
		manifest.MediaType = mediaType
	}
	if i.Manifest != nil {
		i.Manifest(&manifest)
	}
	desc, err := s.addJSON("child", mediaType, manifest)
	if err != nil {
		return desc, err
	}
	if i.Body != nil {
		blob := s.blobs[desc.Digest]
		s.remove(desc.Digest)
		desc = s.add("child", mediaType, []byte(i.Body(string(blob.Data))))
	}
	for part, d := range map[string]digest.Digest{"config": s.parts["config"], "layer": s.parts["layer"], "manifest": desc.Digest} {
		if slices.Contains(i.Missing, part) {
			s.remove(d)
		}
	}
	return desc, nil
}

// put stores the layer and returns the digest of what is inside, too.
func (l Layer) put(s *Store, seed string, docker bool) (ocispec.Descriptor, digest.Digest, error) {
	inside, err := tarball(seed)
	if err != nil {
		return ocispec.Descriptor{}, "", err
	}
	if l.Data != "" {
		inside = seeded(l.Data, seed)
	}
	diffID := digest.FromBytes(inside)
	if l.WrongDiffID {
		diffID = digest.FromString("something else than " + seed)
	}
	mediaType, data := ocispec.MediaTypeImageLayer, inside
	if l.Gzip || docker {
		mediaType = ocispec.MediaTypeImageLayerGzip
		if data, err = gzipped(inside); err != nil {
			return ocispec.Descriptor{}, "", err
		}
	}
	if docker {
		mediaType = DockerLayer
	}
	if l.Zstd {
		mediaType, data = ocispec.MediaTypeImageLayerZstd, zstded(inside)
	}
	if l.Type != "" {
		mediaType = l.Type
	}
	return s.add("layer", mediaType, data), diffID, nil
}

// tarball returns a tar file with one file that holds the seed.
func tarball(seed string) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	header := &tar.Header{Name: "seed", Mode: 0o644, Size: int64(len(seed)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(seed)); err != nil {
		return nil, err
	}
	return buffer.Bytes(), w.Close()
}

// gzipped stores rather than compresses, which is the same bytes with every
// release of Go.
func gzipped(data []byte) ([]byte, error) {
	var buffer bytes.Buffer
	w, err := gzip.NewWriterLevel(&buffer, gzip.NoCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return buffer.Bytes(), err
}

// zstded stores the data as one raw block (RFC 8878, 3.1.1).
func zstded(data []byte) []byte {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(data)))     //nolint:gosec // small
	block := binary.LittleEndian.AppendUint32(nil, uint32(len(data))<<3|1) //nolint:gosec // small
	return append(append(frame, block[:3]...), data...)
}

func parsePlatform(text string) (ocispec.Platform, error) {
	if text == "" {
		text = "linux/amd64"
	}
	return platforms.Parse(text)
}

func seeded(text, seed string) []byte { return []byte(strings.ReplaceAll(text, "SEED", seed)) }
