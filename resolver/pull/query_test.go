package pull

import (
	"testing"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Whatever an answer may depend on makes another key.
func TestKeysTellQuestionsApart(t *testing.T) {
	image := func(name string) reference.Named {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		return named
	}
	alice, bob := NewCredential(Source{}, "alice", "a"), NewCredential(Source{}, "bob", "b")
	amd64 := []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}
	asked := func(credentials ...Credential) Key {
		return (&Query{Image: image("app:1")}).KeyWith(credentials...)
	}
	known := map[Key]string{}
	for name, key := range map[string]Key{
		"plain":       (&Query{Image: image("app:1")}).Key(),
		"image":       (&Query{Image: image("app:2")}).Key(),
		"layers":      (&Query{Image: image("app:1"), Layers: true}).Key(),
		"platform":    (&Query{Image: image("app:1"), Platforms: amd64}).Key(),
		"runtime":     (&Query{Image: image("app:1"), Runtimes: CRIO}).Key(),
		"short":       (&Query{Image: image("app:1"), Runtimes: CRIO, Short: "app:1"}).Key(),
		"profile":     (&Query{Image: image("app:1"), Profiles: []string{"a"}}).Key(),
		"profiles":    (&Query{Image: image("app:1"), Profiles: []string{"a", "b"}}).Key(),
		"alice":       asked(alice),
		"bob":         asked(bob),
		"alice first": asked(alice, bob),
		"bob first":   asked(bob, alice),
	} {
		if other, taken := known[key]; taken {
			t.Errorf("%s and %s are one question", name, other)
		}
		known[key] = name
	}
	if again := asked(alice, bob); known[again] != "alice first" {
		t.Error("equal questions have different keys")
	}
}
