package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/pullgate/pullgate/test/release/image"
)

const root = "../../.."

// largest is how many bytes an image may have, compressed.
const largest = 50e6

func source(folder string) image.Source {
	return image.Source{Dockerfile: root + "/Dockerfile", Context: folder, Version: "v1", Created: time.Unix(1e9, 0)}
}

func build(t *testing.T, s image.Source) image.Built {
	t.Helper()
	built, err := image.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// Programs, bills of materials and image are the same to the byte when they are
// built again, of a copy of the sources at another place.
func TestBuiltTwice(t *testing.T) {
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	copySources(t, here, copied)
	var digests [][]string
	for _, sources := range []string{here, copied} {
		bin := t.TempDir()
		cmd := exec.CommandContext(t.Context(), "make", "-C", sources, "image-files", "BIN="+bin, "VERSION=v1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		built := build(t, source(filepath.Join(bin, "image")))
		digests = append(digests, digestsOf(t, built))
	}
	if !slices.Equal(digests[0], digests[1]) {
		t.Errorf("built twice:\n%v\n%v", digests[0], digests[1])
	}
}

// copySources copies what a build reads.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case slices.Contains([]string{".git", "bin", "dist", "testdata"}, entry.Name()):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(target, content, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func digestsOf(t *testing.T, built image.Built) []string {
	t.Helper()
	parts := []interface{ Digest() (v1.Hash, error) }{built.Index}
	for _, bill := range built.Bills {
		parts = append(parts, bill)
	}
	var digests []string
	for _, part := range parts {
		digest, err := part.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	return digests
}

// What `make image` has left is small, is for both platforms, and starts the
// webhook as somebody who is not root.
func TestImage(t *testing.T) {
	built := build(t, source(root+"/bin/image"))
	sizes, err := built.Sizes()
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		if size := sizes[arch]; size == 0 || size > largest {
			t.Errorf("for %s it has %d bytes", arch, size)
		}
	}
	manifest, err := built.Index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range manifest.Manifests {
		platform, err := built.Index.Image(entry.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := platform.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Platform().String() != entry.Platform.String() {
			t.Errorf("what the index calls %s calls itself %s", entry.Platform, config.Platform())
		}
		c := config.Config
		if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/pullgate"}) || !slices.Equal(c.Cmd, []string{"serve"}) ||
			c.Labels["org.opencontainers.image.version"] != "v1" || len(c.ExposedPorts) != 3 {
			t.Errorf("its config is %+v", c)
		}
		want := map[string]int64{"etc": 0o755, "etc/ssl": 0o755, "etc/ssl/certs": 0o755, "etc/ssl/certs/ca-certificates.crt": 0o644, "licences.txt": 0o644, "pullgate": 0o755}
		found := filesOf(t, platform)
		for file, mode := range want {
			if found[file] != mode {
				t.Errorf("%s has the mode %o, want %o", file, found[file], mode)
			}
		}
		if len(found) != len(want) {
			t.Errorf("there is something else in it: %v", found)
		}
	}
}

// filesOf are an image's files with their modes. All are root's.
func filesOf(t *testing.T, of v1.Image) map[string]int64 {
	t.Helper()
	extracted := mutate.Extract(of)
	defer func() { _ = extracted.Close() }()
	files := map[string]int64{}
	for reader := tar.NewReader(extracted); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 {
			t.Errorf("%s is not root's", header.Name)
		}
		files[header.Name] = header.Mode
	}
}

// A registry that has the image tells of each platform's bill of materials, which
// names what is linked in.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/pullgate:v1")
	if err != nil {
		t.Fatal(err)
	}
	built := build(t, source(root+"/bin/image"))
	if err := built.Push(tag); err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := pushed.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 2 {
		t.Errorf("it is for %d platforms", len(manifest.Manifests))
	}
	for _, entry := range manifest.Manifests {
		if bill := billOf(t, tag.Digest(entry.Digest.String())); !strings.Contains(bill, "github.com/containerd/containerd/v2") {
			t.Errorf("the bill of %s does not name what is linked in: %.200s", entry.Platform, bill)
		}
	}
}

func billOf(t *testing.T, platform name.Digest) string {
	t.Helper()
	referrers, err := remote.Referrers(platform)
	if err != nil {
		t.Fatal(err)
	}
	found, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Manifests) != 1 || found.Manifests[0].ArtifactType != "application/vnd.cyclonedx+json" {
		t.Fatalf("what refers to %s: %+v", platform, found.Manifests)
	}
	artifact, err := remote.Image(platform.Digest(found.Manifests[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := artifact.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("it has %d layers: %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is not understood is refused, so that the image is what the Dockerfile
// says, whoever builds it.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct{ dockerfile, want string }{
		"something is run":      {"FROM scratch\nRUN /pullgate\n", "RUN is not understood here"},
		"something is pulled":   {"FROM alpine\n", "FROM scratch"},
		"several stages":        {"FROM scratch\nFROM scratch\n", "one stage"},
		"an argument of no one": {"FROM scratch\nCOPY pullgate-$ARCH /pullgate\n", "there is no ARG for pullgate-$ARCH"},
		"a folder":              {"FROM scratch\nCOPY pullgate /bin/\n", "COPY has to copy one file"},
		"what is not there":     {"FROM scratch\nCOPY missing /pullgate\n", "run `make image`"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Dockerfile")
			if err := os.WriteFile(file, []byte(test.dockerfile), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := image.Build(image.Source{Dockerfile: file, Context: t.TempDir()})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
