package scenario

import (
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// unpacking is about what of a manifest a node fetches, and the record that it
// makes of the config when it has unpacked.
func unpacking() []Scenario {
	return append(unfetched(), odd()...)
}

// unfetched are parts that nobody asks for, though the manifest names them:
// layers beneath what is no image's config, and what is for another platform.
func unfetched() []Scenario {
	refused := want(pull.UnsupportedImage)
	ofLayer := func(change func(*ocispec.Descriptor)) func(*ocispec.Manifest) {
		return func(m *ocispec.Manifest) { change(&m.Layers[0]) }
	}
	elsewhere := &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	return []Scenario{
		{Name: "unfetched-layer", About: "a Helm chart with a layer of an image's type, which is gone: the transfer service alone",
			Holds: content.Image{ConfigType: helmConfig, Missing: []string{"layer"}}},
		{Name: "unfetched-layer-of-index", About: "an artifact within an index, with a layer of an image's type, which is gone: the transfer service alone",
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64", Of: content.Image{ConfigType: emptyConfig, Missing: []string{"layer"}}}}}},
		{Name: "unfetched-layer-size", About: "beneath the empty config, a layer of no bytes, says the manifest: the transfer service alone",
			Holds: content.Image{ConfigType: emptyConfig, Manifest: ofLayer(func(d *ocispec.Descriptor) { d.Size = 0 })}},
		{Name: "unfetched-layer-platform", About: "a layer for no platform, which is gone: the transfer service alone",
			Holds: content.Image{Missing: []string{"layer"}, Manifest: ofLayer(func(d *ocispec.Descriptor) { d.Platform = elsewhere })}},
		{Name: "unfetched-config-platform", About: "a config for no platform", Want: refused,
			Holds: content.Image{Manifest: func(m *ocispec.Manifest) { m.Config.Platform = elsewhere }}},
		{Name: "unfetched-config-type", About: "a config of a layer's type", Want: refused, Holds: content.Image{ConfigType: ocispec.MediaTypeImageLayer}},
		{Name: "unfetched-config-data", About: "a config that stands in the manifest, and nowhere else", Holds: content.Image{
			ConfigType: emptyConfig, Config: named, NoLayers: true, Missing: []string{"config"},
			Manifest: func(m *ocispec.Manifest) { m.Config.Data = []byte(`{"name":"unfetched-config-data"}`) }}},
		{Name: "unfetched-layer-data", About: "a layer that stands in the manifest, wrongly", Want: refused,
			Holds: content.Image{Manifest: ofLayer(func(d *ocispec.Descriptor) { d.Data = make([]byte, d.Size) })}},
		{Name: "unfetched-schema1", About: "a layer of the type of schema 1", Want: refused,
			Holds: content.Image{Manifest: ofLayer(func(d *ocispec.Descriptor) {
				d.MediaType = "application/vnd.docker.distribution.manifest.v1+prettyjws"
			})}},
		{Name: "coded-manifest", About: "a manifest that comes compressed", Faults: []Fault{{Method: get, Object: Manifests, Gzip: true}}},
		{Name: "coded-blobs", About: "config and layer that come compressed", Faults: []Fault{{Method: get, Object: Blobs, Gzip: true}}},
		{Name: "sound-zstd", About: "a layer that is compressed by zstd", Holds: content.Image{Layers: []content.Layer{{Zstd: true}}}},
	}
}

// odd are configs from which containerd cannot make its record of an image, and
// some from which it can.
func odd() []Scenario {
	with := func(text string) content.Image {
		return content.Image{EditConfig: func(config string) string { return strings.TrimSuffix(config, "}") + "," + text + "}" }}
	}
	refused := want(pull.UnsupportedImage)
	return []Scenario{
		{Name: "odd-created", About: "a config that was made at no time that anybody could read", Holds: with(`"created":"yesterday"`), Want: refused},
		{Name: "odd-created-empty", About: "a config that was made at an empty time", Holds: with(`"created":""`), Want: refused},
		{Name: "odd-created-null", About: "a config that was made at no time", Holds: with(`"created":null`)},
		{Name: "odd-entrypoint", About: "an entrypoint that is a text", Holds: with(`"config":{"Entrypoint":"/true"}`), Want: refused},
		{Name: "odd-env", About: "an environment of an object", Holds: with(`"config":{"Env":{"A":"B"}}`), Want: refused},
		{Name: "odd-labels", About: "a label that is a number", Holds: with(`"config":{"Labels":{"a":1}}`), Want: refused},
		{Name: "odd-history", About: "a history that is a text", Holds: with(`"history":"none"`), Want: refused},
		{Name: "odd-health", About: "a check of health of which containerd knows nothing", Holds: with(`"config":{"Healthcheck":{"Interval":"often"}}`)},
		{Name: "odd-mark", About: "a config that begins with a byte order mark", Want: refused,
			Holds: content.Image{EditConfig: func(config string) string { return "\ufeff" + config }}},
		{Name: "odd-index", About: "an index whose image for amd64 has an odd config", Want: refused,
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/arm64"}, {Platform: "linux/amd64", Of: with(`"created":"yesterday"`)}}}},
		{Name: "odd-second", About: "two entries for amd64, the second of which has an odd config, of which no record is made",
			Holds: content.Index{Entries: []content.Entry{{Platform: "linux/amd64"}, {Platform: "linux/amd64", Of: with(`"created":"yesterday"`)}}}},
		{Name: "odd-artifact", About: "an artifact whose config is a list", Want: refused, Holds: content.Image{ConfigType: helmConfig, Config: `["SEED"]`,
			Layers: []content.Layer{{Type: helmChart, Gzip: true}}}},
		{Name: "odd-artifact-text", About: "an artifact whose config is no JSON", Want: refused, Holds: content.Image{ConfigType: helmConfig, Config: `name: SEED`,
			Layers: []content.Layer{{Type: helmChart, Gzip: true}}}},
	}
}
