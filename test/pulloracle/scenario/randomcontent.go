package scenario

import (
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/test/pulloracle/content"
)

const (
	schema1Type  = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	artifactType = "application/vnd.oci.artifact.manifest.v1+json"
	octets       = "application/octet-stream"
)

// content draws what is found under the tag, and within an index.
func (d *draft) content(depth int) content.Content {
	switch n := d.IntN(20); {
	case depth == 0 && n == 0:
		d.left--
		raw := content.Raw{MediaType: d.manifestType(), Body: pick(d, "", "{}", "null", "[]", "SEED", "<html>SEED</html>", `{"schemaVersion":2,"a":"SEED"}`, `{"schemaVersion":1,"fsLayers":[],"a":"SEED"}`,
			`{"schemaVersion":2,"manifests":[],"a":"SEED"}`, `{"schemaVersion":2,"manifests":null,"a":"SEED"}`, `{"schemaVersion":2,"config":null,"layers":null,"a":"SEED"}`, `{"schemaVersion":2,"layers":[],"a":"SEED"}`)}
		d.note("%+v", raw)
		return raw
	case n < 8 && depth < 3 && d.left > 0:
		return d.index(depth)
	default:
		return d.image("")
	}
}

func (d *draft) manifestType() string {
	return pick(d, content.DockerManifest, content.DockerList, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, artifactType, schema1Type,
		"application/vnd.docker.distribution.manifest.v1+json", "text/plain", "application/vnd.oci.image.manifest.v2+json")
}

func (d *draft) index(depth int) content.Content {
	index := content.Index{Docker: d.IntN(4) == 0}
	for range 1 + d.IntN(3) {
		entry := content.Entry{Platform: d.platform()}
		d.note("entry for %q", entry.Platform)
		switch k := d.IntN(8); {
		case k == 0 && d.left > 0:
			d.left--
			entry.Of = d.content(depth + 1)
		case k < 3:
			entry.Of = d.image(pick(d, "", "linux/arm64", "none", "windows/amd64"))
		}
		if entry.Missing = d.once(6); entry.Missing {
			d.note("missing")
		}
		if d.once(3) {
			entry.Change = d.change()
		}
		index.Entries = append(index.Entries, entry)
	}
	if d.once(4) {
		index.Body = d.edit(`"manifests":`)
	}
	return index
}

// platform draws that of an entry: the node's as often as not.
func (d *draft) platform() string {
	if d.IntN(2) == 0 {
		return "linux/amd64"
	}
	return pick(d, "", "", "/", "linux/", "/amd64", "linux/amd64", "linux/amd64/v1", "linux/amd64/v2", "linux/amd64/v8", "linux/amd64/V1", "linux/amd64/1", "linux /amd64",
		"LINUX/amd64", "linux/AMD64", "linux/x86_64", "linux/x86-64", "linux/386", "linux/i386", "linux/arm64", "linux/arm64/v8", "linux/arm/v7", "windows/amd64", "darwin/amd64",
		"unknown/unknown", "unknown/amd64", "linux/unknown")
}

func (d *draft) image(platform string) content.Image {
	image := content.Image{Platform: platform, Docker: d.IntN(4) == 0}
	d.note("image for %q, Docker's %t", platform, image.Docker)
	if d.once(4) {
		image.NoLayers = d.IntN(5) == 0
		for range 1 + d.IntN(2) {
			image.Layers = append(image.Layers, d.layer())
		}
		d.note("no layers %t", image.NoLayers)
	}
	if d.once(5) {
		image.ConfigType = pick(d, helmConfig, emptyConfig, octets, content.DockerConfig, ocispec.MediaTypeImageConfig, jsonType, "application/vnd.containerd.container.checkpoint.config.v1+proto",
			ocispec.MediaTypeImageConfig+"; charset=utf-8", strings.ToUpper(ocispec.MediaTypeImageConfig), "application/vnd.in-toto+json", ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageManifest)
		d.note("config of type %s", image.ConfigType)
	}
	if d.once(3) {
		image.EditConfig = d.editConfig()
	}
	if d.once(8) {
		image.Missing = []string{pick(d, "config", "layer", "manifest")}
		d.note("missing %v", image.Missing)
	}
	if d.once(2) {
		image.Manifest = d.editParts()
	}
	if d.once(5) {
		image.Body = d.edit(`"layers":`)
	}
	return image
}

func (d *draft) layer() content.Layer {
	layer := content.Layer{Gzip: d.IntN(3) == 0, Zstd: d.IntN(4) == 0}
	if d.IntN(3) == 0 {
		layer.Type = pick(d, foreignTar, "application/vnd.docker.image.rootfs.foreign.diff.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
			"application/vnd.docker.image.rootfs.diff.tar", content.DockerLayer, ocispec.MediaTypeImageLayerZstd, exampleType, "application/vnd.in-toto+json", helmChart, octets)
	}
	if d.IntN(6) == 0 {
		layer.Data = `{"a":"SEED"}`
	}
	d.note("layer %+v", layer)
	return layer
}
