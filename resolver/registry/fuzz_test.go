package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// FuzzLine makes sure that nothing from outside breaks a message's line.
func FuzzLine(f *testing.F) {
	for _, text := range []string{"", "a\nb", "\x1b[31mred", "\u202eabc", "\xff\xfe", strings.Repeat("ü", 400), "tab\tand\u2028line", "https://a:b@c?d=e&scope=f: g"} {
		f.Add(text, 10)
		f.Add(text, maxDetail)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 2*maxNode)
		got := line(text, limit)
		if len(got) > limit+len("…") || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x1b\u2028\u202e\x00") {
			t.Errorf("%q", got)
		}
		if again := line(got, limit+len("…")); again != got {
			t.Errorf("%q is not %q", again, got)
		}
	})
}

// FuzzRegistryError makes sure that a registry's words are words.
func FuzzRegistryError(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", `{"errors":[{"code":"DENIED","message":"no"}]}`, `{"errors":[{"code":7}]}`, `{"errors":{}}`, `{"errors":[]}`,
		`{"details":"incorrect username or password"}`, `{"error":"invalid_grant","error_description":"bad\npassword"}`, page,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, message := registryError(body)
		for _, text := range []string{code, message, inWords(body)} {
			if text != oneLine(text) && len(text) < maxDetail {
				t.Errorf("%q is not one line", text)
			}
		}
	})
}

// TestLineHasNoKeys of URLs, which are the registry's.
func TestLineHasNoKeys(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"to https://auth.example/token?scope=repository%3Aapp%3Apull&service=x: 401", "to https://auth.example/token?scope=repository%3Aapp%3Apull&service=x: 401"},
		{"to https://cdn.example/b?X-Sig=ab%3D&Expires=9: 403 Forbidden", "to https://cdn.example/b?X-Sig=[REDACTED]&Expires=[REDACTED]: 403 Forbidden"},
		{`Get "https://me:hunter22@auth.example:1/t?key=hunter22": EOF`, `Get "https://auth.example:1/t?key=[REDACTED]": EOF`},
		{`parse "https://me:p@ss@h/%zz?k=%zz": no`, `parse "https://h/%zz?k=[REDACTED]": no`},
		{`Get "https://h/t?scope=%5BREDACTED%5D&k=%5BREDACTED%5D": EOF`, `Get "https://h/t?scope=%5BREDACTED%5D&k=%5BREDACTED%5D": EOF`},
		{"see https://h/docs, or mail me@example.com: a=b?", "see https://h/docs, or mail me@example.com: a=b?"},
	} {
		if got := oneLine(tt.text); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestWithout makes sure that no beginning of a secret survives either.
func TestWithout(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"nothing of it", "nothing of it"},
		{"it is hunter22.", "it is [REDACTED]."},
		{"hunter22hunter22", "[REDACTED][REDACTED]"},
		{"it is hunter2…", "it is …"},
		{"it is hunt…", "it is …"},
		{"it is hunt", "it is hunt"},
		{"it is hun…", "it is hun…"},
	} {
		if got := without(tt.text, []string{"hunter22"}); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// FuzzWithout makes sure that no secret survives, cut off or not.
func FuzzWithout(f *testing.F) {
	f.Add("the password is hunter22", "hunter22")
	f.Add("Basic "+"dXNlcjpodW50ZXIyMg==", "hunter22")
	f.Add(strings.Repeat("x", maxDetail-4)+"hunter22", "hunter22")
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < minSecret || overlapping(secret) {
			return
		}
		credential := pull.NewCredential(pull.Secret("ns", "name"), "user", secret)
		got := redact(pull.Finding{Detail: oneLine(text), Node: oneLine(text)}, credential)
		if strings.Contains(got.Detail, secret) {
			t.Errorf("%q has %q", got.Detail, secret)
		}
	})
}

// overlapping tells whether taking a secret out can put it together anew.
func overlapping(secret string) bool {
	return strings.ContainsAny(secret, "[]REDACTD…")
}

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
		if asked := registry.asked.Load(); asked > maxManifests+maxBlobs+4 {
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
		hosts, fresh, err := client(t, dir).hostsFor(t.Context(), named(t, "registry.test/app:1"), right(), byHosts, false)
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
	if _, ok := host.Client.Transport.(*transport); ok {
		return true
	}
	// or by the library's fallback to HTTP around it, which only it can see
	return strings.HasSuffix(strings.TrimPrefix(typeName(host.Client.Transport), "*"), "docker.httpFallback")
}

func typeName(value any) string { return reflect.TypeOf(value).String() }
