package crio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

const conf = `
unqualified-search-registries = ["quay.io", "docker.io"]
[aliases]
"own/tool" = "registry.example.com/tools/tool"
[[registry]]
prefix = "docker.io"
location = "mirror.example.com/hub"
[[registry.mirror]]
location = "near.example.com:5000/hub"
insecure = true
[[registry.mirror]]
location = "digests.example.com/hub"
pull-from-mirror = "digest-only"
[[registry]]
location = "bad.example.com"
blocked = true
[[registry]]
location = "plain.example.com"
insecure = true
`

const digested = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// registries writes files and reads them.
func registries(t *testing.T, files map[string]string) *Registries {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "registries.conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read, err := NewRegistries(filepath.Join(dir, "registries.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// TestPlaces is where an image is looked for.
func TestPlaces(t *testing.T) {
	read := registries(t, map[string]string{"registries.conf": conf, "registries.conf.d/more.conf": "[[registry]]\nlocation = \"late.example.com\"\nblocked = true\n"})
	for image, want := range map[string]string{
		"docker.io/library/nginx:1":          "near.example.com:5000/hub/library/nginx:1 insecure, mirror.example.com/hub/library/nginx:1",
		"docker.io/library/nginx" + digested: "near.example.com:5000/hub/library/nginx" + digested + " insecure, digests.example.com/hub/library/nginx" + digested + ", mirror.example.com/hub/library/nginx" + digested,
		"quay.io/a/b:1":                      "quay.io/a/b:1",
		"plain.example.com/a:1":              "plain.example.com/a:1 insecure",
		"bad.example.com/a:1":                "bad.example.com/a:1 blocked",
		"late.example.com/a:1":               "late.example.com/a:1 blocked",
		"127.0.0.1:5000/a:1":                 "127.0.0.1:5000/a:1 insecure",
		"localhost/a:1":                      "localhost/a:1 insecure",
	} {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			t.Fatal(err)
		}
		places, err := read.Places(named)
		var got []string
		for _, place := range places {
			text := place.Image.String()
			if place.Insecure {
				text += " insecure"
			}
			if place.Blocked != "" {
				text += " blocked"
			}
			got = append(got, text)
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: %v, %v, want %s", image, got, err, want)
		}
	}
}

// TestCandidates is what short names stand for.
func TestCandidates(t *testing.T) {
	read := registries(t, map[string]string{"registries.conf": conf, "registries.conf.d/more.conf": "[aliases]\nlate = \"quay.io/late/late\"\n"})
	for short, want := range map[string]string{
		"nginx:1":          "quay.io/nginx:1, docker.io/library/nginx:1",
		"org/app:1":        "quay.io/org/app:1, docker.io/org/app:1",
		"nginx" + digested: "quay.io/nginx" + digested + ", docker.io/library/nginx" + digested,
		"own/tool:1":       "registry.example.com/tools/tool:1",
		"late:2":           "quay.io/late/late:2",
		"Foo/bar:1":        "",
	} {
		all, err := read.Candidates(short)
		var got []string
		for _, candidate := range all {
			got = append(got, candidate.String())
		}
		if text := strings.Join(got, ", "); text != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", short, text, err, want)
		}
	}
	none := registries(t, map[string]string{"registries.conf": ""})
	if _, err := none.Candidates("nginx:1"); err == nil || !strings.Contains(err.Error(), "no unqualified-search registries are defined") {
		t.Errorf("error %v", err)
	}
}

// TestReload takes up what changed, and keeps what was where that is nothing.
func TestReload(t *testing.T) {
	read := registries(t, map[string]string{"registries.conf": `unqualified-search-registries = ["a.example"]`})
	file := read.system.SystemRegistriesConfPath
	for _, step := range []struct {
		text, want string
		fails      bool
	}{
		{`unqualified-search-registries = ["b.example"]`, "b.example/x:1", false},
		{`unqualified-search-registries = [`, "b.example/x:1", true},
	} {
		if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := read.Reload(); (err != nil) != step.fails {
			t.Errorf("error %v", err)
		}
		got, err := read.Candidates("x:1")
		if err != nil || !slices.ContainsFunc(got, func(n reference.Named) bool { return n.String() == step.want }) {
			t.Errorf("%v, %v, want %s", got, err, step.want)
		}
	}
	if _, err := NewRegistries(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that is not there is no registries.conf")
	}
	if none, err := NewRegistries(""); none != nil || err != nil || none.Reload() != nil {
		t.Errorf("%v, %v", none, err)
	}
}

// TestPolicy is what policy.json rejects.
func TestPolicy(t *testing.T) {
	const accept, reject = `[{"type": "insecureAcceptAnything"}]`, `[{"type": "reject"}]`
	file := filepath.Join(t.TempDir(), "policy.json")
	text := `{"default": ` + reject + `, "transports": {"docker": {
		"docker.io": ` + accept + `, "docker.io/library/bad": ` + reject + `, "docker.io/library/bad:good": ` + accept + `,
		"*.example.com": ` + accept + `, "*.no.example.com": ` + reject + `}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	policy, err := ReadPolicy(file)
	if err != nil {
		t.Fatal(err)
	}
	for image, rejected := range map[string]bool{
		"docker.io/library/nginx:1": false, "docker.io/library/bad:1": true, "docker.io/library/bad:good": false, "docker.io/library/badly:1": false,
		"a.example.com/x:1": false, "a.b.example.com:5000/x:1": false, "example.com/x:1": true, "a.no.example.com/x:1": true, "quay.io/x:1": true,
	} {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			t.Fatal(err)
		}
		if why := policy.Rejects(named); (why != "") != rejected {
			t.Errorf("%s: %q", image, why)
		}
	}
	for _, text := range []string{"{}", "{", "[]"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPolicy(file); err == nil {
			t.Errorf("%s is a policy", text)
		}
	}
	if none, err := ReadPolicy(""); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}
