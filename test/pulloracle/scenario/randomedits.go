package scenario

import (
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// edited draws one change of a JSON object: something around it, a member more at
// its end, or a text in the place of another.
func (d *draft) edited(of string, members []string, replacements [][2]string) func(string) string {
	brackets := strings.Repeat("[", 11000) + strings.Repeat("]", 11000) // more than encoding/json takes
	around := [][2]string{{"\ufeff", ""}, {"  ", "\r\n"}, {"", "x"}, {"", "\x00"}, {"[", "]"}, {"", "{}"}, {"", ""}}
	members = append(members, `"a":"\ud800"`, "\"a\":\"\xff\xfe\"", "\"a\":\"\x01\"", `"a":1e999`, `"a":`+brackets)
	switch n := d.IntN(len(around) + len(members) + len(replacements)); {
	case n < len(around):
		ends := around[n]
		d.note("%s between %q and %q", of, ends[0], ends[1])
		return func(body string) string { return ends[0] + body + ends[1] }
	case n < len(around)+len(members):
		member := members[n-len(around)]
		d.note("%s with %.60s", of, member)
		return func(body string) string { return strings.TrimSuffix(body, "}") + "," + member + "}" }
	default:
		by := replacements[n-len(around)-len(members)]
		d.note("%s with %s for %s", of, by[1], by[0])
		return func(body string) string { return strings.Replace(body, by[0], by[1], 1) }
	}
}

// edit draws a change of a manifest, or of an index; part is the list in it.
func (d *draft) edit(part string) func(string) string {
	const version, size = `"schemaVersion":2`, `"size":`
	return d.edited("body", []string{
		`"mediaType":null`, `"mediaType":""`, `"mediaType":2`, `"mediaType":"application/json"`, `"mediaType":"` + ocispec.MediaTypeImageIndex + `"`, `"mediaType":"` + ocispec.MediaTypeImageManifest + `"`,
		`"mediaType":"` + content.DockerList + `"`, `"mediaType":"` + content.DockerManifest + `"`, `"manifests":null`, `"manifests":[]`, `"Manifests":[]`, `"config":null`, `"config":{}`, `"config":""`,
		`"layers":null`, `"layers":[]`, `"fsLayers":null`, `"fsLayers":[]`, `"FSLAYERS":[]`, `"annotations":null`, `"annotations":[]`, `"annotations":{"a":1}`, `"subject":null`, `"subject":"x"`, `"artifactType":1`, `"x":{"y":[1]}`,
	}, [][2]string{
		{part, strings.ToUpper(part)}, {part, part + `{},"x":`}, {part, part + `"","x":`}, {part, part + `null,` + part}, {part, part + `null,"x":`},
		{version, `"schemaVersion":1`}, {version, `"schemaVersion":0`}, {version, `"schemaVersion":"2"`}, {version, `"schemaVersion":2.0`}, {version, `"schemaVersion":null`}, {version + ",", ""},
		{size, `"size":"1","x":`}, {size, `"size":1.5,"x":`}, {size, `"size":1,"size":`}, {size, `"platform":null,"size":`}, {size, `"platform":{"os":1},"size":`}, {size, `"platform":{},"size":`},
		{size, `"urls":"x","size":`}, {size, `"urls":null,"size":`}, {size, `"data":1,"size":`}, {size, `"data":"!","size":`},
	})
}

// editConfig draws a change of a config.
func (d *draft) editConfig() func(string) string {
	const diffs, kind = `"diff_ids":[`, `"type":"layers"`
	return d.edited("config", []string{
		`"created":"yesterday"`, `"created":""`, `"created":null`, `"created":1`, `"created":"0001-01-01T00:00:00Z"`, `"config":[]`, `"config":null`, `"config":""`,
		`"config":{"Env":"A=B"}`, `"config":{"Env":null}`, `"config":{"Cmd":"/true"}`, `"config":{"Entrypoint":"/true"}`, `"config":{"User":0}`, `"config":{"ExposedPorts":["80"]}`, `"config":{"ExposedPorts":null}`,
		`"config":{"Volumes":["/a"]}`, `"config":{"Labels":["a"]}`, `"config":{"Labels":{"a":1}}`, `"config":{"Healthcheck":{"Interval":1.5}}`, `"config":{"StopSignal":9}`,
		`"history":"none"`, `"history":null`, `"history":[{"created":"then"}]`, `"history":[{"empty_layer":"true"}]`, `"author":1`, `"architecture":1`, `"architecture":"arm64"`, `"Architecture":"ARM64"`,
		`"os":null`, `"os":"windows"`, `"variant":3`, `"variant":"v3"`, `"os.features":["sse4"]`, `"os.features":"sse4"`, `"os.version":"10"`, `"rootfs":null`, `"RootFS":{"diff_ids":[]}`,
	}, [][2]string{
		{kind, `"type":"files"`}, {kind, `"type":""`}, {kind + ",", ""}, {diffs, `"diff_ids":null,"x":[`}, {diffs, `"diff_ids":[],"x":[`}, {diffs, `"diff_ids":"none","x":[`},
		{diffs, `"diff_ids":[],"diff_ids":[`}, {diffs, diffs + `"sha256:` + nowhere + `",`},
	})
}

// change draws one of an entry, a config or a layer.
func (d *draft) change() func(*ocispec.Descriptor) {
	type desc = *ocispec.Descriptor
	platform := func(change func(*ocispec.Platform)) func(desc) {
		return func(e desc) {
			of := ocispec.Platform{OS: "linux", Architecture: "amd64"}
			if e.Platform != nil {
				of = *e.Platform
			}
			change(&of)
			e.Platform = &of
		}
	}
	changes := map[string]func(desc){
		"a byte more": func(e desc) { e.Size++ }, "a byte less": func(e desc) { e.Size-- }, "no bytes": func(e desc) { e.Size = 0 }, "minus one byte": func(e desc) { e.Size = -1 }, "a terabyte": func(e desc) { e.Size = 1 << 40 },
		"type in upper case": func(e desc) { e.MediaType = strings.ToUpper(e.MediaType) }, "type with parameters": func(e desc) { e.MediaType += "; a=b" },
		"digest in upper case": func(e desc) { e.Digest = digest.Digest("sha256:" + strings.ToUpper(e.Digest.Encoded())) },
		"data":                 func(e desc) { e.Data = []byte("x") }, "data of its size": func(e desc) { e.Data = make([]byte, max(e.Size, 0)) },
		"of no node": platform(func(p *ocispec.Platform) { p.OS, p.Architecture = "unknown", "unknown" }), "of arm64": platform(func(p *ocispec.Platform) { p.Architecture = "arm64" }),
		"variant v1": platform(func(p *ocispec.Platform) { p.Variant = "v1" }), "variant v2": platform(func(p *ocispec.Platform) { p.Variant = "v2" }), "version": platform(func(p *ocispec.Platform) { p.OSVersion = "10.0.17763.1" }),
		"feature": platform(func(p *ocispec.Platform) { p.OSFeatures = []string{"win32k"} }), "artifact type": func(e desc) { e.ArtifactType = "a/b" },
		"an address": func(e desc) { e.URLs = []string{"http://127.0.0.1:1/x"} },
	}
	for _, kind := range []string{"", jsonType, octets, ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayer, content.DockerManifest, content.DockerLayer, schema1Type, artifactType} {
		changes["type "+kind] = func(e desc) { e.MediaType = kind }
	}
	for _, of := range []digest.Digest{"", "../x", "a+b:" + nowhere, "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + nowhere, "sha512:" + nowhere + nowhere} {
		changes["digest "+of.String()] = func(e desc) { e.Digest = of }
	}
	for _, name := range []string{"vnd.docker.reference.digest", "containerd.io/manifest.subject", "containerd.io/snapshot/x", "containerd.io/uncompressed"} {
		changes["annotation "+name] = func(e desc) { e.Annotations = map[string]string{name: "sha256:" + nowhere} }
	}
	return drawn(d, changes)
}

// drawn draws one of several that have names.
func drawn[T any](d *draft, from map[string]T) T {
	name := pick(d, slices.Sorted(maps.Keys(from))...)
	d.note("%s", name)
	return from[name]
}

// editParts draws a change of what a manifest names.
func (d *draft) editParts() func(*ocispec.Manifest) {
	type manifest = *ocispec.Manifest
	if d.IntN(4) > 0 {
		which := d.IntN(3)
		d.note("of part %d", which)
		change := d.change()
		return func(m manifest) {
			switch n := len(m.Layers); {
			case which == 0:
				change(&m.Config)
			case n > 0:
				change(&m.Layers[(which-1)*(n-1)])
			}
		}
	}
	return drawn(d, map[string]func(manifest){
		"no config": func(m manifest) { m.Config = ocispec.Descriptor{} }, "no type": func(m manifest) { m.MediaType = "" }, "layers null": func(m manifest) { m.Layers = nil },
		"layers twice": func(m manifest) { m.Layers = append(m.Layers, m.Layers...) }, "config as layer": func(m manifest) { m.Layers = append(m.Layers, m.Config) },
		"blob beside": func(m manifest) {
			m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: exampleType, Digest: "sha256:" + nowhere, Size: 3})
		},
		"subject": func(m manifest) {
			m.Subject = &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: "sha256:" + nowhere, Size: 3}
		},
	})
}
