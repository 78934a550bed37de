package contents

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A folder in which nothing can be kept is told once.
func TestAFolderThatKeepsNothingIsTold(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var told []error
	disk := NewDisk(taken, func(err error) { told = append(told, err) })
	for _, repository := range []string{"a", "b"} {
		blob := []byte("{}")
		disk.Of(repository).put(ocispec.Descriptor{Digest: digest.FromBytes(blob), Size: 2}, blob)
	}
	if len(told) != 1 {
		t.Errorf("it told %v", told)
	}
	NewDisk(taken, nil).Of("a").put(ocispec.Descriptor{Digest: digest.FromBytes(nil)}, nil)
}
