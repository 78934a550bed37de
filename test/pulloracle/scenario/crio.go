package scenario

import (
	"fmt"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// CRIO returns the scenarios that are pulled with CRI-O alone: they are about
// what no other runtime asks or minds.
func CRIO() []Scenario {
	var all []Scenario
	for _, group := range []struct {
		name string
		list []Scenario
	}{
		{"GET /v2/", pings()},
		{"tokens by GET", tokensByGet()},
		{"statuses of success", successes()},
		{"manifests of two minds", ambiguous()},
		{"schema 1", schema1s()},
		{"entries of indexes", chosen()},
		{"sizes and digests", sizes()},
	} {
		for _, s := range group.list {
			s.Group, s.Name = group.name, "crio-"+s.Name
			all = append(all, s.Complete())
		}
	}
	return all
}

// pings are what GET /v2/ may be answered, where the manifest is open to all.
func pings() []Scenario {
	var list []Scenario
	for _, code := range []int{201, 204, 400, 401, 403, 404, 405, 410, 429, 500, 503} {
		list = append(list, Scenario{Name: fmt.Sprintf("ping-%d", code), About: fmt.Sprintf("%d without a word", code), Faults: []Fault{status(code, Ping)}})
	}
	challenged := func(name, about string, lines ...string) Scenario {
		return Scenario{Name: name, About: about, Access: public().challenging(lines...), Credentials: []Credential{alice()}}
	}
	const bearer = `Bearer realm="{realm}",service="lab"` //nolint:gosec // no secret
	return append(list,
		Scenario{Name: "ping-403-word", About: "403 in a registry's words", Faults: []Fault{status(403, Ping).saying("DENIED", "no")}},
		Scenario{Name: "ping-404-word", About: "404 in a registry's words", Faults: []Fault{status(404, Ping).saying("NOT_FOUND", "page not found")}},
		Scenario{Name: "ping-page", About: "200 and a page, and the manifest is there", Faults: []Fault{status(200, Ping).page()}},
		Scenario{Name: "ping-404-page", About: "404 and a page, and the manifest is there", Faults: []Fault{status(404, Ping).page()}},
		Scenario{Name: "ping-moved", About: "redirected to another server", Faults: []Fault{{Object: Ping, Redirect: "http://{cdn}/v2/"}}},
		Scenario{Name: "ping-passing-500", About: "an internal error once", Faults: []Fault{status(500, Ping).times(1)}},
		Scenario{Name: "ping-open-alice", About: "no challenge, so that the credential is never shown", Access: private(Basic), Credentials: []Credential{alice()},
			Faults: []Fault{status(200, Ping)}},
		Scenario{Name: "ping-basic-manifest-bearer", About: "Basic to GET /v2/, a token for manifests", Access: private(Bearer), Credentials: []Credential{alice()},
			Faults: []Fault{Fault{Object: Ping}.challenging(basicLab)}},
		Scenario{Name: "ping-bearer-manifest-basic", About: "a token to GET /v2/, Basic for manifests", Access: private(Basic), Credentials: []Credential{alice()},
			Faults: []Fault{Fault{Object: Ping}.challenging(bearer)}},
		Scenario{Name: "ping-challenge-by-200", About: "200 with a challenge", Access: private(Bearer), Credentials: []Credential{alice()},
			Faults: []Fault{{Object: Ping, Status: 200, Header: map[string]string{challengeHeader: bearer}}}},
		Scenario{Name: "ping-unknown-scheme", About: "a scheme that nobody knows, and all is open", Faults: []Fault{Fault{Object: Ping}.challenging(`Negotiate`)}},
		challenged("ping-unknown-then-bearer", "a scheme that nobody knows, then a token", `Negotiate`, bearer),
		challenged("ping-bearer-then-basic", "a token, then Basic", bearer, basicLab),
		challenged("ping-basic-then-bearer", "Basic, then a token", basicLab, bearer),
		challenged("ping-one-line", "Basic and a token on one line", basicLab+`, `+bearer),
		challenged("ping-two-realms", "two token servers, the first is down", `Bearer realm="http://{closed}/token",service="lab"`, bearer),
	)
}

// tokensByGet are about a token server that CRI-O asks by GET, whoever asks.
func tokensByGet() []Scenario {
	body := func(text string) []Fault {
		return []Fault{{Object: Token, Status: 200, Header: map[string]string{"Content-Type": jsonType}, Body: text}}
	}
	withAlice := []Credential{alice()}
	var list []Scenario
	for _, code := range []int{201, 204, 400, 401, 403, 404, 405, 429, 500} {
		list = append(list, Scenario{Name: fmt.Sprintf("token-%d", code), About: fmt.Sprintf("%d to GET with a credential", code), Access: private(Bearer),
			Credentials: withAlice, Faults: []Fault{status(code, Token).on(get)}})
	}
	return append(list,
		Scenario{Name: "token-expires-text", About: "a token with a lifetime in words", Access: public(), Faults: body(`{"token":"{name}.true","expires_in":"300"}`)},
		Scenario{Name: "token-issued-text", About: "a token issued at no time", Access: public(), Faults: body(`{"token":"{name}.true","issued_at":"today"}`)},
		Scenario{Name: "token-number", About: "a token that is a number", Access: public(), Faults: body(`{"token":7}`)},
		Scenario{Name: "token-trailing", About: "something after the token", Access: public(), Faults: body(`{"token":"{name}.true"} and more`)},
		Scenario{Name: "token-both", About: "token is taken, access_token is not", Access: public(), Faults: body(`{"token":"{name}.true","access_token":"nonsense"}`)},
		Scenario{Name: "token-account", About: "a token server that wants to know whose account", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{{Object: Token, Status: 403, Unless: "account=alice"}}},
		Scenario{Name: "token-one-scope", About: "a token that is not enough, and a scope that is", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{Fault{Object: Manifests, Times: 1}.challenging(`Bearer realm="{realm}",service="lab",scope="repository:{repo}:pull,push",error="insufficient_scope"`)}},
		Scenario{Name: "token-odd-scope", About: "a token that is not enough, and a scope that is none", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{Fault{Object: Manifests, Times: 1}.challenging(`Bearer realm="{realm}",service="lab",scope="all",error="insufficient_scope"`)}},
		Scenario{Name: "token-user-without-password", About: "a user without a password is asked for as an account", Access: public(), Credentials: []Credential{{Username: "alice"}}},
		Scenario{Name: "blob-by-manifest-token", About: "layers and config are open to the manifest's token alone, and no challenge is made", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{{Object: Blobs, Status: 401, Unless: "Authorization: Bearer crio-blob-by-manifest-token.true"}}},
		Scenario{Name: "config-by-manifest-token", About: "the config is open to the manifest's token alone, and no challenge is made", Access: private(Bearer), Credentials: withAlice,
			Faults: []Fault{{Object: ofConfig, Status: 404, Unless: "Authorization: Bearer crio-config-by-manifest-token.true"}}},
	)
}

// successes are answers that say that all is well in another way than by 200.
func successes() []Scenario {
	var list []Scenario
	for _, code := range []int{201, 202, 203, 206} {
		for _, part := range []struct{ name, object string }{{"manifest", Manifests}, {"config", ofConfig}, {"layer", ofLayer}, {"child", ofChild}} {
			one := Scenario{Name: fmt.Sprintf("%d-%s", code, part.name), About: fmt.Sprintf("%d with the right %s", code, part.name), Faults: []Fault{{Object: part.object, As: code}}}
			if part.name == "child" {
				one.Holds = amd64AndArm64()
			}
			list = append(list, one)
		}
	}
	return list
}

// ambiguous are manifests that could be two things, and such whose media type
// is another's.
func ambiguous() []Scenario {
	with := func(field string) content.Image {
		return content.Image{Body: func(body string) string { return strings.Replace(body, `"layers":`, field+`,"layers":`, 1) }}
	}
	indexWith := func(field string) content.Index {
		index := amd64AndArm64()
		index.Body = func(body string) string { return strings.Replace(body, `"manifests":`, field+`,"manifests":`, 1) }
		return index
	}
	as := func(mediaType string) []Fault {
		return []Fault{headers("", map[string]string{"Content-Type": mediaType})}
	}
	childAs := func(mediaType string) []Fault {
		return []Fault{{Object: ofChild, Header: map[string]string{"Content-Type": mediaType}}}
	}
	return []Scenario{
		{Name: "both-fslayers", About: "an image with fsLayers", Holds: with(`"fsLayers":[]`)},
		{Name: "both-history", About: "an image with a history", Holds: with(`"history":[]`)},
		{Name: "both-null", About: "an image with manifests of null", Holds: with(`"manifests":null`)},
		{Name: "both-capital", About: "an image with Manifests in capitals", Holds: with(`"MANIFESTS":[]`)},
		{Name: "index-config", About: "an index with a config", Holds: indexWith(`"config":{}`)},
		{Name: "index-layers", About: "an index with layers", Holds: indexWith(`"layers":[]`)},
		{Name: "docker-as-docker-list", About: "an image that is served as Docker's list", Holds: content.Image{Docker: true}, Faults: as(content.DockerList)},
		{Name: "oci-as-docker", About: "an OCI image that is served as Docker's", Faults: as(content.DockerManifest)},
		{Name: "oci-index-as-list", About: "an OCI index that is served as Docker's list", Holds: amd64AndArm64(), Faults: as(content.DockerList)},
		{Name: "list-as-oci-index", About: "Docker's list that is served as an OCI index", Holds: content.Index{Docker: true, Entries: amd64AndArm64().Entries}, Faults: as(ocispec.MediaTypeImageIndex)},
		{Name: "type-text", About: "the type of a text", Faults: as("text/plain")},
		{Name: "type-nonsense", About: "a type that is none", Faults: as("application/; =")},
		{Name: "type-index-text", About: "an index with the type of a text", Holds: amd64AndArm64(), Faults: as("text/plain")},
		{Name: "child-text", About: "an entry with the type of a text", Holds: amd64AndArm64(), Faults: childAs("text/plain")},
		{Name: "child-as-index", About: "an entry that is served as an index", Holds: amd64AndArm64(), Faults: childAs(ocispec.MediaTypeImageIndex)},
		{Name: "child-as-docker", About: "an entry that is served as Docker's", Holds: amd64AndArm64(), Faults: childAs(content.DockerManifest)},
		{Name: "child-entry-type", About: "an entry that is listed as an index and served as an image", Holds: content.Index{Entries: []content.Entry{
			{Platform: "linux/amd64", Change: func(d *ocispec.Descriptor) { d.MediaType = ocispec.MediaTypeImageIndex }}}}},
		{Name: "child-artifact", About: "an entry that is a chart", Holds: content.Index{Entries: []content.Entry{
			{Platform: "linux/amd64", Of: content.Image{ConfigType: helmConfig, Config: named, Layers: []content.Layer{{Type: helmChart, Gzip: true}}}}}}},
		{Name: "docker-no-type", About: "Docker's image that does not name its own type", Holds: content.Image{Docker: true, Manifest: func(m *ocispec.Manifest) { m.MediaType = "" }}},
		{Name: "docker-layer-type", About: "Docker's image with a layer of OCI", Holds: content.Image{Docker: true, Layers: []content.Layer{{Type: ocispec.MediaTypeImageLayer}}}},
		{Name: "docker-chart", About: "a chart in Docker's format", Holds: content.Image{Docker: true, ConfigType: helmConfig, Config: named}},
		{Name: "artifact-layer-gone", About: "a chart whose layer is gone", Holds: content.Image{ConfigType: helmConfig, Config: named,
			Layers: []content.Layer{{Type: helmChart, Gzip: true}}, Missing: []string{"layer"}}},
		{Name: "artifact-config-gone", About: "a chart whose config is gone", Holds: content.Image{ConfigType: helmConfig, Config: named,
			Layers: []content.Layer{{Type: helmChart, Gzip: true}}, Missing: []string{"config"}}},
		{Name: "config-architecture-number", About: "a config whose architecture is a number", Holds: content.Image{Config: `{"architecture":7,"os":"linux","author":"SEED"}`}},
		{Name: "config-no-rootfs", About: "a config that names no layers", Holds: content.Image{Config: `{"architecture":"amd64","os":"linux","author":"SEED"}`}},
		{Name: "layers-text", About: "layers that are no list", Holds: content.Image{Body: func(body string) string {
			return strings.Replace(body, `"layers":[`, `"layers":"","annotations2":[`, 1)
		}}},
	}
}

// schema1s are manifests of Docker's first schema.
func schema1s() []Scenario {
	const id = "1111111111111111111111111111111111111111111111111111111111111111"
	one := func(layers, history, more string) content.Raw {
		return content.Raw{MediaType: "application/vnd.docker.distribution.manifest.v1+json",
			Body: `{"schemaVersion": 1, "name": "SEED", "tag": "1", "architecture": "amd64", "fsLayers": [` + layers + `], "history": [` + history + `]` + more + `}`}
	}
	const layer, entry = `{"blobSum": "sha256:` + nowhere + `"}`, `{"v1Compatibility": "{\"id\": \"` + id + `\"}"}`
	return []Scenario{
		{Name: "schema1-sound-gone", About: "a sound manifest whose layer is gone", Holds: one(layer, entry, "")},
		{Name: "schema1-uneven", About: "more layers than history", Holds: one(layer+","+layer, entry, "")},
		{Name: "schema1-bad-id", About: "an ID that is none", Holds: one(layer, `{"v1Compatibility": "{\"id\": \"x\"}"}`, "")},
		{Name: "schema1-bad-parent", About: "a base layer with a parent", Holds: one(layer, `{"v1Compatibility": "{\"id\": \"`+id+`\", \"parent\": \"x\"}"}`, "")},
		{Name: "schema1-bad-history", About: "a history that is no JSON", Holds: one(layer, `{"v1Compatibility": "x"}`, "")},
		{Name: "schema1-config", About: "a manifest with a config", Holds: one(layer, entry, `, "config": {}`)},
	}
}

// chosen are about which entry of an index is taken.
func chosen() []Scenario {
	zstd := func(d *ocispec.Descriptor) {
		d.Annotations = map[string]string{"io.github.containers.compression.zstd": "true"}
	}
	both := func(entries ...content.Entry) content.Index { return content.Index{Entries: entries} }
	amd := func(missing bool, change func(*ocispec.Descriptor)) content.Entry {
		return content.Entry{Platform: "linux/amd64", Missing: missing, Change: change}
	}
	return []Scenario{
		{Name: "zstd-gone", About: "of two the one by zstd is taken, which is gone", Holds: both(amd(false, nil), amd(true, zstd))},
		{Name: "zstd-there", About: "of two the one by zstd is taken, the other is gone", Holds: both(amd(true, nil), amd(false, zstd))},
		{Name: "zstd-list", About: "a list of Docker's knows no zstd", Holds: content.Index{Docker: true, Entries: []content.Entry{amd(false, nil), amd(true, zstd)}}},
		{Name: "bare-zstd", About: "an entry for the platform comes before one by zstd for none", Holds: both(content.Entry{Missing: true, Change: zstd}, amd(false, nil))},
		{Name: "first-gone", About: "of two the first is taken, which is gone", Holds: both(amd(true, nil), amd(false, nil))},
		{Name: "list-bare", About: "a list of Docker's with an entry for no platform", Holds: content.Index{Docker: true, Entries: []content.Entry{{}}}},
		{Name: "empty-platform", About: "an entry whose platform is empty", Holds: both(content.Entry{Platform: "/"})},
		{Name: "variant-v8", About: "amd64 of variant v8", Holds: both(content.Entry{Platform: "linux/amd64/v8"})},
		{Name: "capital", About: "Linux in capitals", Holds: both(content.Entry{Platform: "Linux/amd64"})},
		{Name: "sha512-entry", About: "an entry by sha512", Holds: both(amd(false, func(d *ocispec.Descriptor) { d.Digest = "sha512:" + nowhere + nowhere }))},
		{Name: "size-entry", About: "an entry of another size", Holds: both(amd(false, func(d *ocispec.Descriptor) { d.Size = 7 }))},
	}
}

// sizes are about how large manifests and configs may be, and by which digest
// they are asked for.
func sizes() []Scenario {
	const most = 4 << 20 // internal/iolimits/iolimits.go
	padded := func(size int) content.Image {
		return content.Image{Body: func(body string) string { return body + strings.Repeat(" ", size-len(body)) }}
	}
	config := func(size int) content.Image {
		const body = `{"architecture":"amd64","os":"linux","author":"SEED","rootfs":{"type":"layers"},"comment":"`
		return content.Image{NoLayers: true, Config: body + strings.Repeat("x", size-len(body)-len(`"}`)-len("crio-config-4mib-SEED")+len("SEED")) + `"}`}
	}
	return []Scenario{
		{Name: "manifest-4mib", About: "the largest manifest", Holds: padded(most)},
		{Name: "manifest-4mib-1", About: "a manifest of a byte more", Holds: padded(most + 1)},
		{Name: "manifest-4mib-header", About: "a manifest that containerd takes", Holds: padded(4*1048*1048 - 1)},
		{Name: "config-4mib", About: "a config a little smaller than the largest", Holds: config(most - 1000)},
		{Name: "config-5mib", About: "a config that is too large", Holds: config(5 << 20)},
		{Name: "index-digest-other", About: "an index by its digest, and other bytes", Image: digestImage, Holds: amd64AndArm64(), Faults: []Fault{{Object: Manifests, Spoil: true}}},
		{Name: "child-spoilt", About: "an entry of other bytes", Holds: amd64AndArm64(), Faults: []Fault{{Object: ofChild, Spoil: true}}},
		{Name: "config-no-digest", About: "a config without a digest", Holds: content.Image{Manifest: func(m *ocispec.Manifest) { m.Config.Digest = "" }}},
		{Name: "config-cut", About: "a config that breaks off once", Faults: []Fault{{Object: ofConfig, Cut: true, Times: 1}}},
		{Name: "layer-cut", About: "a layer that breaks off once", Faults: []Fault{{Object: ofLayer, Cut: true, Times: 1}}},
		{Name: "manifest-cut", About: "a manifest that breaks off once", Faults: []Fault{{Method: get, Object: Manifests, Cut: true, Times: 1}}},
	}
}
