package scenario

import (
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// Media types of artifacts.
const (
	helmConfig   = "application/vnd.cncf.helm.config.v1+json"
	helmChart    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	emptyConfig  = "application/vnd.oci.empty.v1+json"
	cosignSigned = "application/vnd.dev.cosign.simplesigning.v1+json"
	foreignTar   = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
)

// sound is content that nodes take, on one path at least.
func sound() []Scenario {
	return []Scenario{
		{Name: "sound-docker", About: "an image in Docker's format", Holds: content.Image{Docker: true}},
		{Name: "sound-gzip", About: "a compressed layer", Holds: content.Image{Layers: []content.Layer{{Gzip: true}}}},
		{Name: "sound-layers", About: "three layers", Holds: content.Image{Layers: []content.Layer{{}, {Gzip: true}, {}}}},
		{Name: "sound-no-layers", About: "no layers", Holds: content.Image{NoLayers: true}},
		{Name: "sound-no-media-type", About: "a manifest that does not name its own type", Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.MediaType = "" }}},
		{Name: "sound-foreign", About: "a single manifest for arm64 is pulled, and will not run", Holds: content.Image{Platform: "linux/arm64"}},
		{Name: "sound-windows", About: "a single manifest for Windows is pulled, and will not run", Holds: content.Image{Platform: "windows/amd64"}},
		{Name: "sound-no-platform", About: "a config without a platform", Holds: content.Image{Platform: "none"}},
		{Name: "sound-pretty", About: "a manifest with spaces around", Holds: content.Image{
			Body: func(body string) string { return "\n  " + body + "\n\n" }}},
		{Name: "sound-artifact-type", About: "an image with a subject and an artifactType", Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) {
				m.ArtifactType = exampleType
				m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: "sha256:" + nowhere, Size: 7}
			}}},
		{Name: "sound-helm", About: "a Helm chart is pulled, and has no command", Holds: content.Image{
			ConfigType: helmConfig, Config: `{"name":"SEED","version":"1.0.0","apiVersion":"v2"}`,
			Layers: []content.Layer{{Type: helmChart, Gzip: true}}}},
		{Name: "sound-empty-config", About: "an artifact with the empty config and a tar layer: the transfer service alone", Holds: content.Image{
			ConfigType: emptyConfig, Config: `{}`}},
		{Name: "sound-cosign", About: "a cosign signature", Holds: content.Image{
			Layers: []content.Layer{{Type: cosignSigned, Data: `{"critical":"SEED"}`}}}},
		{Name: "sound-config-type", About: "layers of OCI beneath a config of another type: the transfer service alone", Holds: content.Image{
			ConfigType: "application/vnd.example.config+json"}},
		{Name: "sound-docker-as-oci", About: "an image of Docker that is served as one of OCI", Holds: content.Image{Docker: true},
			Faults: []Fault{headers("", map[string]string{"Content-Type": ocispec.MediaTypeImageManifest})}},
		{Name: "sound-schema-version", About: "an image of schema version 3", Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.SchemaVersion = 3 }}},
		{Name: "sound-layer-type", About: "a layer of a type that no image has: the transfer service alone", Holds: content.Image{
			Layers: []content.Layer{{Type: "application/vnd.example.layer"}}}},
		{Name: "sound-index", About: "an index", Holds: amd64AndArm64()},
		{Name: "sound-list", About: "Docker's list", Holds: content.Index{Docker: true, Entries: amd64AndArm64().Entries}},
		{Name: "sound-list-of-oci", About: "Docker's list of OCI images", Holds: content.Index{Docker: true, Entries: []content.Entry{
			{Platform: "linux/amd64", Of: content.Image{}}}}},
		{Name: "sound-index-digest", About: "an index by its digest", Image: digestImage, Holds: amd64AndArm64()},
		{Name: "sound-child-digest", About: "an image of an index by its digest", Image: "{plain}/{repo}@{child}", Holds: amd64AndArm64()},
		{Name: "sound-nested", About: "an index within an index", Holds: content.Index{Entries: []content.Entry{
			{Platform: "linux/amd64", Of: amd64AndArm64()}}}},
		{Name: "sound-nested-bare", About: "an index within an index, without a platform", Holds: content.Index{Entries: []content.Entry{
			{Of: amd64AndArm64()}}}},
		{Name: "sound-nested-deep", About: "five indexes within each other", Holds: nest(5)},
	}
}

func amd64AndArm64() content.Index {
	return content.Index{Entries: []content.Entry{{Platform: "linux/arm64"}, {Platform: "linux/amd64"}}}
}

// nest puts indexes into each other.
func nest(depth int) content.Index {
	index := amd64AndArm64()
	for range depth - 1 {
		index = content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Of: index}}}
	}
	return index
}

// unsound is content that nodes refuse on both paths.
func unsound() []Scenario {
	refused := want(pull.UnsupportedImage)
	schema1 := `{"schemaVersion": 1, "name": "SEED", "tag": "1", "architecture": "amd64", "fsLayers": [], "history": [], "signatures": []}`
	return []Scenario{
		{Name: "bad-schema1", About: "schema 1, signed", Want: refused,
			Holds: content.Raw{MediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws", Body: schema1}},
		{Name: "bad-schema1-unsigned", About: "schema 1, not signed", Want: refused,
			Holds: content.Raw{MediaType: "application/vnd.docker.distribution.manifest.v1+json", Body: schema1}},
		{Name: "bad-schema1-as-text", About: "schema 1, served as text", Want: refused,
			Holds: content.Raw{MediaType: "text/plain", Body: schema1}},
		{Name: "bad-json", About: "a manifest that is no JSON", Want: refused,
			Holds: content.Raw{MediaType: ocispec.MediaTypeImageManifest, Body: `{"schemaVersion": 2, SEED`}},
		{Name: "bad-empty-object", About: "a manifest that says nothing", Want: refused,
			Holds: content.Raw{MediaType: ocispec.MediaTypeImageManifest, Body: `{"annotations": {"a": "SEED"}}`}},
		{Name: "bad-array", About: "a manifest that is a list", Want: refused,
			Holds: content.Raw{MediaType: ocispec.MediaTypeImageManifest, Body: `["SEED"]`}},
		{Name: "bad-own-type", About: "an image that calls itself an index", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.MediaType = ocispec.MediaTypeImageIndex }}},
		{Name: "bad-index-as-image", About: "an index that is served as an image", Want: refused, Holds: amd64AndArm64(),
			Faults: []Fault{headers("", map[string]string{"Content-Type": ocispec.MediaTypeImageManifest})}},
		{Name: "bad-image-as-index", About: "an image that is served as an index", Want: refused,
			Faults: []Fault{headers("", map[string]string{"Content-Type": ocispec.MediaTypeImageIndex})}},
		{Name: "bad-both", About: "a manifest with layers and manifests", Want: refused, Holds: content.Image{
			Body: func(body string) string {
				return strings.Replace(body, `"layers":`, `"manifests":[{"mediaType":"a","digest":"sha256:`+nowhere+`","size":1}],"layers":`, 1)
			}}},
		{Name: "bad-config-text", About: "a config that is no JSON", Holds: content.Image{Config: "SEED"}, Want: refused},
		{Name: "bad-config-size", About: "a config longer than the manifest says", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Config.Size-- }}},
		{Name: "bad-config-size-zero", About: "a config of no bytes, says the manifest", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Config.Size = 0 }}},
		{Name: "bad-config-negative", About: "a config of minus one byte, says the manifest", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Config.Size = -1 }}},
		{Name: "bad-config-digest", About: "a config whose digest is none", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Config.Digest = "sha256:short" }}},
		{Name: "bad-layer-digest", About: "a layer whose digest is none", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Layers[0].Digest = "md5:d41d8cd98f00b204e9800998ecf8427e" }}},
		{Name: "bad-layer-size", About: "a layer longer than the manifest says", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Layers[0].Size-- }}},
		{Name: "bad-layer-size-zero", About: "a layer of no bytes, says the manifest", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Layers[0].Size = 0 }}},
		{Name: "bad-diff-id", About: "a config that tells another digest of the layer", Want: refused, Holds: content.Image{
			Layers: []content.Layer{{WrongDiffID: true}}}},
		{Name: "bad-layer-count", About: "more layers than the config knows", Want: refused, Holds: content.Image{
			Manifest: func(m *ocispec.Manifest) { m.Layers = append(m.Layers, m.Layers[0]) }}},
		{Name: "bad-tar", About: "a layer that is no tar file", Want: refused, Holds: content.Image{
			Layers: []content.Layer{{Data: "SEED is no tar file"}}}},
		{Name: "bad-gzip", About: "a layer that is said to be compressed, and is not", Want: refused, Holds: content.Image{
			Layers: []content.Layer{{Type: ocispec.MediaTypeImageLayerGzip, Data: "SEED is not compressed"}}}},
		{Name: "bad-layer-encrypted", About: "a layer that is encrypted", Want: refused, Holds: content.Image{
			Layers: []content.Layer{{Type: "application/vnd.oci.image.layer.v1.tar+encrypted", Data: "SEED"}}}},
		{Name: "bad-layer-foreign", About: "a layer to be had elsewhere only", Want: want(pull.UnsupportedImage, pull.BlobMissing), Holds: content.Image{Docker: true, Missing: []string{"layer"},
			Layers: []content.Layer{{Type: foreignTar}}}},
		{Name: "bad-root-type", About: "a file system that is not made of layers", Want: refused, Holds: content.Image{
			Config: `{"architecture":"amd64","os":"linux","author":"SEED","rootfs":{"type":"files"}}`}},
	}
}
