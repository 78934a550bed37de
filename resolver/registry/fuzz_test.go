package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
	"github.com/pullgate/pullgate/resolver/registry/crio"
)

// FuzzManifest lets a registry serve anything as an image, as the child of an
// index, or as a config.
func FuzzManifest(f *testing.F) {
	child := amd64(describe(ocispec.MediaTypeImageManifest, manifestOf(0)))
	for _, body := range [][]byte{
		manifestOf(0), indexOf(), indexOf(child), indexOf(bare(child)), indexOf(child, child), dockerised(indexOf(child)), schema1(),
		[]byte("null"), []byte("{}"), []byte(`{"manifests":null}`), []byte(`{"manifests":[{}]}`), []byte(`{"manifests":[{"digest":"x","size":-1}]}`),
		[]byte(`{"config":{"digest":"sha256:00"},"layers":[{"urls":["http://169.254.169.254"]}]}`), []byte(`{"schemaVersion":2,"manifests":[{"platform":{"os":"linux"}}]}`),
		[]byte(`{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:00"]}}`), []byte(`{"os":7}`),
	} {
		for kind := range byte(len(mediaTypes())) {
			for place := range byte(3) {
				f.Add(body, kind, place, kind%2 == 0)
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, kind, place byte, layers bool) {
		held := documents{}
		held.add(ocispec.MediaTypeImageManifest, manifestOf(0))
		mediaType := mediaTypes()[int(kind)%len(mediaTypes())]
		switch place % 3 {
		case 0:
			held.tag(mediaType, body)
		case 1:
			held.tag(ocispec.MediaTypeImageIndex, indexOf(amd64(held.add(mediaType, body))))
		default:
			config := held.add(ocispec.MediaTypeImageConfig, body)
			held.tag(ocispec.MediaTypeImageIndex, indexOf(held.add(ocispec.MediaTypeImageManifest, encode(ocispec.Manifest{
				Config: config, Layers: []ocispec.Descriptor{claimed(ocispec.MediaTypeImageLayer, 0, 5)}}))))
		}
		registry := &inMemory{Handler: held}
		registry.probe(t, pull.Query{Image: named(t, "registry.test/app:1"), Platforms: list("linux/amd64", "linux/arm64"), Layers: layers})
		if asked := registry.asked.Load(); asked > contents.MaxManifests+contents.MaxBlobs+4 {
			t.Errorf("%d requests", asked)
		}
	})
}

func mediaTypes() []string {
	return []string{ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest,
		images.MediaTypeDockerSchema2ManifestList, images.MediaTypeDockerSchema2Manifest, "application/json"}
}

// FuzzChallenge lets a registry challenge with anything, and a token server
// answer anything.
func FuzzChallenge(f *testing.F) {
	for _, challenge := range []string{
		`Bearer realm="https://auth.test/token",service="registry.test",scope="repository:app:pull"`,
		`Bearer realm="https://auth.test/token",error="invalid_token"`, `Bearer`, `Bearer realm=`, `Bearer realm="`, `Bearer realm="\`,
		`Basic realm="x"`, `Basic realm="x", Bearer realm="https://auth.test/token"`, `Digest realm="x"`, "Negotiate", "", "Bearer realm=\"http://[::1\"",
	} {
		for _, answer := range []string{`{"token": "t"}`, `{"access_token": "t", "expires_in": -1}`, "{}", page, `{"expires_in": 1e99}`, `{"token": "a\nb"}`} {
			f.Add(challenge, answer, true)
			f.Add(challenge, answer, false)
		}
	}
	f.Fuzz(func(t *testing.T, challenge, answer string, anonymous bool) {
		credential := right()
		if anonymous {
			credential = pull.Credential{}
		}
		registry := &inMemory{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if !strings.HasPrefix(req.URL.Path, "/v2/app/manifests/") {
				_, _ = w.Write([]byte(answer))
				return
			}
			w.Header()["Www-Authenticate"] = []string{challenge}
			w.WriteHeader(http.StatusUnauthorized)
		})}
		finding := registry.probe(t, pull.Query{Image: named(t, "registry.test/app:1"), Credential: credential})
		if finding.Reason == pull.ReasonPullable || finding.Reason.NotFound() {
			t.Errorf("%+v", finding)
		}
		if asked := registry.asked.Load(); asked > 20 {
			t.Errorf("%d requests", asked)
		}
	})
}

// FuzzCRIO lets a registry answer anything to CRI-O: to its ping, as a token, as
// a manifest or as words for a refusal.
func FuzzCRIO(f *testing.F) {
	for _, challenge := range []string{"", `Bearer realm="https://auth.test/token",service="registry.test"`, `Basic realm="x"`, `Bearer realm="",scope="a:b:c",error="insufficient_scope"`, "Negotiate", `Bearer realm="%zz"`} {
		for _, body := range []string{"", "{}", `{"token":"t"}`, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, string(manifestOf(0)), string(indexOf()), string(schema1()), page} {
			f.Add(challenge, body, uint16(200))
			f.Add(challenge, body, uint16(401))
			f.Add(challenge, body, uint16(404))
		}
	}
	f.Fuzz(func(t *testing.T, challenge, body string, code uint16) {
		registry := &inMemory{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Www-Authenticate"] = []string{challenge}
			w.Header().Set("Content-Type", mediaTypes()[int(code)%len(mediaTypes())])
			w.WriteHeader(int(code%400) + 200)
			_, _ = w.Write([]byte(body))
		})}
		query := pull.Query{Image: named(t, "registry.test/app:1"), Credential: right(), Runtimes: pull.CRIO, Platforms: list("linux/amd64"), Layers: code%2 == 0}
		c := client(t, "")
		at := crio.Endpoint{Scheme: "https", Host: "registry.test", Client: &http.Client{Transport: c.hosts.Wire.Over(registry)}}
		finding := crioProbe{c}.ask(t.Context(), query, crio.NewRepository([]crio.Source{{Image: query.Image, Credential: query.Credential, Endpoints: []crio.Endpoint{at}}}))
		sane(t, finding)
		if secret := leaked(finding); secret != "" {
			t.Errorf("%q is in %+v", secret, finding)
		}
		if asked := registry.asked.Load(); asked > contents.MaxManifests+contents.MaxBlobs {
			t.Errorf("%d requests", asked)
		}
	})
}

// FuzzTags: whatever a registry lists, what is taken for a tag is one, and there
// are so many of them at most.
func FuzzTags(f *testing.F) {
	for _, body := range []string{`{"name":"app","tags":["1","latest"]}`, `{"tags":null}`, `{"tags":[""]}`, `{"tags":["a b","\u001b[31m","../x"]}`, `{"tags":[1]}`, "[]", page} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tags, err := readTags(named(t, "registry.test/app:1"), body)
		if err != nil && tags != nil || len(tags) > maxTags {
			t.Errorf("%d tags, %v", len(tags), err)
		}
		for _, tag := range tags {
			if !reference.TagRegexp.MatchString(tag) || strings.ContainsAny(tag, " /\n\x1b") || len(tag) > 128 {
				t.Errorf("%q is taken for a tag", tag)
			}
		}
	})
}

// FuzzHostsToml lets a hosts.toml have any content.
func FuzzHostsToml(f *testing.F) {
	for _, content := range []string{
		"", "server = \"https://mirror.test\"", viaMirror, "server = ", "[host.\"https://mirror.test\"]\ncapabilities = [\"pull\"]\n",
		"ca = \"/dev/null\"", "client = [[\"a\", \"b\"]]", "client = [[1]]", "skip_verify = true", "override_path = true", "dial_timeout = \"1h\"",
		"[header]\nX = [\"a\", \"b\"]\n", "[host]\n", "[host.\"\"]\n", "[host.\"http://[::1\"]\n", "[[host]]\n", "server = \"%zz\"", "\x00", "[host.\"a\".header]\nb = 1\n",
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "registry.test"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "registry.test", "hosts.toml"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		hosts, fresh, err := client(t, dir).hostsFor(t.Context(), named(t, "registry.test/app:1"), right(), containerd.ByHosts, false)
		if !fresh || err == nil && len(hosts) == 0 {
			t.Errorf("fresh %t, hosts %v, error %v", fresh, hosts, err)
		}
		for _, host := range hosts {
			if !guarded(host) {
				t.Errorf("%s goes past the guard", host.Host)
			}
		}
	})
}

// guarded tells whether a host is asked by our transport.
func guarded(host docker.RegistryHost) bool {
	switch typeName(host.Client.Transport) {
	case "*wire.transport", // or by the library's fallback to HTTP around it, which only it can see
		"docker.httpFallback", "*docker.httpFallback":
		return true
	default:
		return false
	}
}

func typeName(value any) string { return reflect.TypeOf(value).String() }
