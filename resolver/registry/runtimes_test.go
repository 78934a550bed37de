package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/crio"
)

// TestCRIOKnowsNoMirrors of hosts.toml, which is containerd's.
func TestCRIOKnowsNoMirrors(t *testing.T) {
	const instead = "server = \"http://MIRROR\"\n" // the registry itself is not asked then
	has, hasNot := func(r *rig) { r.single("manifest", "1", "linux/amd64") }, func(r *rig) { r.single("other", "2", "linux/amd64") }
	tests := []struct {
		name, toml       string
		runtimes         pull.Runtimes
		mirror, upstream func(r *rig)
		want             pull.Reason
		notes            int
		toMirror         bool
	}{
		{"the mirror alone has it", viaMirror, pull.CRIO, has, hasNot, pull.TagNotFound, 0, false},
		{"the mirror alone has it, for containerd too", viaMirror, mixed, has, hasNot, pull.ReasonPullable, 1, true},
		{"the registry alone has it", viaMirror, pull.CRIO, hasNot, has, pull.ReasonPullable, 0, false},
		{"the mirror stands for it", instead, pull.CRIO, has, hasNot, pull.TagNotFound, 0, false},
		{"the mirror stands for it and has it not", instead, mixed, hasNot, has, pull.ReasonPullable, 1, true},
		{"neither has it", instead, mixed, hasNot, hasNot, pull.TagNotFound, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mirror, upstream := newRig(t), newRig(t)
			tt.mirror(mirror)
			tt.upstream(upstream)
			mirror.asked()
			c := client(t, upstream.certsDir(map[string]string{"HOST/hosts.toml": strings.ReplaceAll(tt.toml, "MIRROR", mirror.host)}))
			finding := row{runtimes: tt.runtimes}.probe(t, upstream, c)
			if finding.Reason != tt.want || len(finding.Notes) != tt.notes {
				t.Errorf("%+v, want %s with %d notes", finding, tt.want, tt.notes)
			}
			if asked := len(mirror.asked()) > 0; asked != tt.toMirror {
				t.Errorf("the mirror was asked: %t", asked)
			}
		})
	}
}

// TestDoubt is said where only the runtime decides, and nowhere else.
func TestDoubt(t *testing.T) {
	const content, words = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{}}`, "the nodes' runtime may take what containerd refuses"
	for runtimes, want := range map[pull.Runtimes]string{
		pull.Containerd:                        "",
		pull.ContainerdLocal:                   "",
		pull.CRIO:                              "",
		mixed:                                  "",
		pull.OtherRuntime:                      words,
		pull.OtherRuntime | pull.Containerd:    words,
		pull.ContainerdLocal | pull.Containerd: "",
	} {
		r := newRig(t)
		r.manifest("manifest", "1", ocispec.MediaTypeImageManifest, []byte(content))
		finding := row{runtimes: runtimes}.probe(t, r, client(t, ""))
		reason := pull.UnsupportedImage
		if want != "" {
			reason = pull.RegistryError
		}
		if finding.Doubt != want || finding.Reason != reason {
			t.Errorf("runtimes %d: %+v, want %s and %q", runtimes, finding, reason, want)
		}
	}
}

// TestWordsOfNoRuntime are none: nobody knows how a runtime of no name puts it.
func TestWordsOfNoRuntime(t *testing.T) {
	for runtimes, want := range map[pull.Runtimes]bool{pull.OtherRuntime: false, pull.OtherRuntime | pull.CRIO: false, pull.CRIO: true, mixed: true} {
		r := newRig(t)
		if finding := (row{runtimes: runtimes}).probe(t, r, client(t, "")); finding.Reason != pull.RepositoryNotFound || (finding.Node != "") != want {
			t.Errorf("runtimes %d: %+v", runtimes, finding)
		}
	}
}

// TestCRIOIsAskedOnce for a refusal that is told, not for one of kept hosts.
func TestCRIOIsAskedOnce(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	c, asks := client(t, ""), row{runtimes: pull.CRIO}
	asks.probe(t, r, c)
	r.on("HEAD", status(http.StatusNotFound))
	r.on("GET 1", status(http.StatusNotFound))
	r.asked()
	if finding := asks.probe(t, r, c); finding.Reason != pull.TagNotFound {
		t.Errorf("%+v", finding)
	}
	if asked, want := strings.Join(r.asked(), ", "), "GET 1, GET v2/, GET 1, GET v2/, GET 1"; asked != want {
		t.Errorf("requests\n%s, want\n%s", asked, want)
	}
}

// TestReadForEachRuntime makes sure that what was read for one is not told of
// another.
func TestReadForEachRuntime(t *testing.T) {
	r := newRig(t)
	indexFor("linux/amd64/v1")(r)
	c := client(t, "")
	for range 2 {
		for runtimes, want := range map[pull.Runtimes]pull.Reason{pull.Containerd: pull.ReasonPullable, pull.CRIO: pull.PlatformMismatch} {
			if finding := (row{runtimes: runtimes}).probe(t, r, c); finding.Reason != want {
				t.Errorf("runtimes %d: %+v, want %s", runtimes, finding, want)
			}
		}
	}
}

// TestDirect keeps of hosts.toml what it says of the registry itself.
func TestDirect(t *testing.T) {
	for toml, want := range map[string]string{
		"": "https://registry.test",
		"server = \"http://registry.test\"\n[host.\"https://mirror.test\"]":    "http://registry.test",
		"server = \"https://mirror.test\"\n[host.\"http://registry.test\"]":    "http://registry.test",
		"server = \"https://mirror.test\"":                                     "https://registry.test",
		"server = \"http://registry.test/v2/beneath\"\noverride_path = true\n": "https://registry.test",
	} {
		dir := newRig(t).certsDir(map[string]string{"registry.test/hosts.toml": toml})
		hosts, err := client(t, dir).hosts.For(t.Context(), "registry.test", pull.Credential{}, containerd.Direct)
		if err != nil || len(hosts) != 1 || hosts[0].Scheme+"://"+hosts[0].Host != want {
			t.Errorf("%q: %+v, %v, want %s", toml, hosts, err, want)
		}
	}
}

// TestRegistriesConf is where CRI-O looks by its registries.conf.
func TestRegistriesConf(t *testing.T) {
	has, hasNot := func(r *rig) { r.single("manifest", "1", "linux/amd64") }, func(r *rig) { r.single("other", "2", "linux/amd64") }
	const mirrored = "[[registry]]\nlocation = \"HOST\"\n[[registry.mirror]]\nlocation = \"MIRROR\"\n"
	for _, tt := range []struct {
		name, conf, short string
		mirror, upstream  func(r *rig)
		want              pull.Reason
		node              string
	}{
		{name: "the mirror alone has it", conf: mirrored, mirror: has, upstream: hasNot, want: pull.ReasonPullable},
		{name: "the registry alone has it", conf: mirrored, mirror: hasNot, upstream: has, want: pull.ReasonPullable},
		{name: "neither has it", conf: mirrored, mirror: hasNot, upstream: hasNot, want: pull.TagNotFound, node: "(Mirrors also failed: [MIRROR/app:1: reading manifest 1 in MIRROR/app: manifest unknown"},
		{name: "the mirror refuses", conf: mirrored, mirror: func(r *rig) { has(r); r.basic() }, upstream: hasNot, want: pull.NodeCredentialsUnknown},
		{name: "blocked", conf: "[[registry]]\nlocation = \"HOST\"\nblocked = true\n", mirror: has, upstream: has, want: pull.UnsupportedImage, node: "registry HOST is blocked in"},
		{name: "somewhere else", conf: "[[registry]]\nprefix = \"HOST\"\nlocation = \"MIRROR\"\n", mirror: has, upstream: hasNot, want: pull.ReasonPullable},
		{name: "a short name", conf: "unqualified-search-registries = [\"MIRROR\"]\n", short: "app:1", mirror: has, upstream: hasNot, want: pull.ReasonPullable},
		{name: "a short name, ambiguous", conf: "unqualified-search-registries = [\"HOST\", \"MIRROR\"]\n", short: "app:1", mirror: has, upstream: hasNot, want: pull.RegistryError},
		{name: "a short name, found nowhere", conf: "unqualified-search-registries = [\"HOST\", \"MIRROR\"]\n", short: "app:1", mirror: hasNot, upstream: hasNot, want: pull.TagNotFound},
		{name: "a short name, no place to look", short: "app:1", mirror: has, upstream: has, want: pull.UnsupportedImage, node: "did not resolve to an alias"},
		{name: "a short name and its alias", conf: "[aliases]\napp = \"MIRROR/app\"\n", short: "app:1", mirror: has, upstream: hasNot, want: pull.ReasonPullable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mirror, upstream := newRig(t), newRig(t)
			tt.mirror(mirror)
			tt.upstream(upstream)
			fill := strings.NewReplacer("HOST", upstream.host, "MIRROR", mirror.host)
			file := filepath.Join(t.TempDir(), "registries.conf")
			if err := os.WriteFile(file, []byte(fill.Replace(tt.conf)), 0o600); err != nil {
				t.Fatal(err)
			}
			read, err := crio.NewRegistries(file)
			if err != nil {
				t.Fatal(err)
			}
			finding := NewClient(Options{Guard: loopback(), Registries: read}).Probe(t.Context(), pull.Query{
				Image: named(t, upstream.host+"/app:1"), Runtimes: pull.CRIO, Platforms: list("linux/amd64"), Short: tt.short,
			})
			if finding.Reason != tt.want || !strings.Contains(finding.Node, fill.Replace(tt.node)) {
				t.Errorf("%+v, want %s and %q", finding, tt.want, fill.Replace(tt.node))
			}
		})
	}
}

// TestNobodyIsAsked tells refusals apart for which it makes no difference what nodes
// hold: CRI-O shows nothing to a registry whose GET /v2/ asks for nothing.
func TestNobodyIsAsked(t *testing.T) {
	for _, tt := range []struct {
		name       string
		setup      func(r *rig)
		credential pull.Credential
		want       bool
	}{
		{"GET /v2/ is open", func(r *rig) { r.on("GET 1", challenge("Basic realm=x")) }, pull.Credential{}, true},
		{"GET /v2/ is open, with a credential", func(r *rig) { r.on("GET 1", challenge("Basic realm=x")) }, right(), true},
		{"GET /v2/ asks for Basic", func(r *rig) { r.on("GET 1", challenge("Basic realm=x")); r.on("GET v2/", challenge("Basic realm=x")) }, pull.Credential{}, false},
		{"GET /v2/ asks for what nobody knows", func(r *rig) { r.on("GET 1", challenge("Basic realm=x")); r.on("GET v2/", challenge("Negotiate")) }, pull.Credential{}, true},
	} {
		r := newRig(t)
		r.single("manifest", "1", "linux/amd64")
		tt.setup(r)
		finding := row{runtimes: pull.CRIO, credential: tt.credential}.probe(t, r, client(t, ""))
		if finding.Reason != pull.CredentialsRequired || finding.Unasked != tt.want {
			t.Errorf("%s: %+v, want %t", tt.name, finding, tt.want)
		}
	}
}

// challenge asks for a credential.
func challenge(scheme string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", scheme)
		w.WriteHeader(http.StatusUnauthorized)
	}
}
