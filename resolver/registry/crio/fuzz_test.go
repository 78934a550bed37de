package crio

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/distribution/reference"
)

// file is one with a content.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// images are asked for, whatever the files say.
func images(t *testing.T) (all []reference.Named) {
	t.Helper()
	for _, name := range []string{"quay.io/app:1", "quay.io:5000/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "docker.io/library/nginx:1"} {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, named)
	}
	return all
}

// FuzzRegistries: whatever a registries.conf says, either it is not taken, or there
// are places to look for an image, or an error.
func FuzzRegistries(f *testing.F) {
	for _, content := range []string{
		"", "unqualified-search-registries = [\"quay.io\"]\n", "[[registry]]\nlocation = \"quay.io\"\nblocked = true\n", "[aliases]\n\"app\" = \"quay.io/app\"\n",
		"[[registry]]\nprefix = \"*.io\"\nlocation = \"mirror.test\"\n[[registry.mirror]]\nlocation = \"a/b\"\npull-from-mirror = \"digest-only\"\ninsecure = true\n",
		"[registries.search]\nregistries = [\"quay.io\"]\n", "[[registry]]\nlocation = \"\"\n", "[[registry]]\nlocation = \"quay.io/\"\nprefix = \"quay.io\"\n", "short-name-mode = \"x\"\n", "\x00",
		"[[registry]]\nprefix = \"quay.io\"\nlocation = \"UPPER/Case:1\"\n",
	} {
		f.Add(content, "app")
	}
	f.Fuzz(func(t *testing.T, content, short string) {
		read, err := NewRegistries(file(t, "registries.conf", content))
		if err != nil {
			return
		}
		for _, image := range images(t) {
			if places, err := read.Places(image); err == nil && len(places) == 0 {
				t.Errorf("there is nowhere to look for %s", image)
			}
		}
		if found, err := read.Candidates(short); err == nil && len(found) == 0 {
			t.Errorf("%q stands for nothing", short)
		}
	})
}

// FuzzPolicy: whatever a policy.json says, either it is not taken, or it says of
// each image the same twice.
func FuzzPolicy(f *testing.F) {
	for _, content := range []string{
		`{"default":[{"type":"reject"}]}`, `{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"quay.io":[{"type":"reject"}],"":[],"*.io":[{"type":"signedBy"}]}}}`,
		`{}`, `null`, `{"default":null}`, `{"default":[null]}`, `{"default":[{"type":1}]}`, `{"transports":{"docker":null}}`,
	} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		read, err := ReadPolicy(file(t, "policy.json", content))
		if err != nil {
			return
		}
		for _, image := range images(t) {
			if once, twice := read.Rejects(image), read.Rejects(image); once != twice {
				t.Errorf("once %q, once %q", once, twice)
			}
		}
	})
}
