package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// keeping is a client of a run of its own that keeps contents in a folder.
func keeping(t *testing.T, dir string) *Client {
	t.Helper()
	return NewClient(Options{Guard: loopback(), ContentDir: dir})
}

// TestContentDir is what the same image costs in another run.
func TestContentDir(t *testing.T) {
	all := []string{"linux/amd64", "linux/arm64"}
	const known, unknown = "HEAD 1", "HEAD 1, GET @index, GET @linux-amd64, GET @linux-arm64"
	for name, test := range map[string]struct {
		between func(t *testing.T, files []string)
		image   string
		want    string
	}{
		"known":              {nil, "", known},
		"of another place":   {nil, "other:1", unknown},
		"changed on disk":    {func(t *testing.T, files []string) { rewrite(t, files, strings.ToUpper) }, "", unknown},
		"cut off on disk":    {func(t *testing.T, files []string) { rewrite(t, files, func(s string) string { return s[:len(s)-1] }) }, "", unknown},
		"too old":            {func(t *testing.T, files []string) { age(t, files, -contents.KeptFor-time.Hour) }, "", unknown},
		"almost too old":     {func(t *testing.T, files []string) { age(t, files, time.Hour-contents.KeptFor) }, "", known},
		"taken away on disk": {func(t *testing.T, files []string) { removeAll(t, files) }, "", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			indexFor(all...)(r)
			r.asked()
			dir := filepath.Join(t.TempDir(), "new", "folder")
			row{platforms: all, reason: pull.ReasonPullable, requests: unknown}.check(t, r, keeping(t, dir))
			files, err := filepath.Glob(filepath.Join(dir, "manifests", "*"))
			if err != nil || len(files) != 3 {
				t.Fatalf("%d files are kept (%v), want 3", len(files), err)
			}
			if test.between != nil {
				test.between(t, files)
			}
			if test.image != "" {
				copyRepository(r)
			}
			r.asked()
			row{image: test.image, platforms: all, reason: pull.ReasonPullable, requests: test.want}.check(t, r, keeping(t, dir))
		})
	}
}

// TestContentDirLayers: that a config is on disk says nothing of the registry.
func TestContentDirLayers(t *testing.T) {
	const all = "HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.layer"
	const again = "HEAD 1, GET blob @manifest.config, GET blob @manifest.layer"
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.asked()
	dir := t.TempDir()
	row{layers: true, reason: pull.ReasonPullable, requests: all}.check(t, r, keeping(t, dir))
	row{layers: true, reason: pull.ReasonPullable, requests: again}.check(t, r, keeping(t, dir))
	r.on("GET blob @manifest.config", status(http.StatusNotFound))
	row{layers: true, reason: pull.BlobMissing, requests: "HEAD 1, GET blob @manifest.config, " +
		"HEAD 1, GET @manifest, GET blob @manifest.config, GET blob @manifest.config, GET v2/"}.check(t, r, keeping(t, dir))
}

// TestContentDirUnusable: what cannot be kept is read again.
func TestContentDirUnusable(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	r.asked()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		row{reason: pull.ReasonPullable, requests: "HEAD 1, GET @manifest"}.check(t, r, keeping(t, file))
		r.asked()
	}
}

// copyRepository serves what is in app as other, too.
func copyRepository(r *rig) {
	r.wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.URL.Path = strings.Replace(req.URL.Path, "/v2/other/", "/v2/app/", 1)
			next.ServeHTTP(w, req)
		})
	})
}

func rewrite(t *testing.T, files []string, change func(string) string) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte(change(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func age(t *testing.T, files []string, by time.Duration) {
	t.Helper()
	for _, file := range files {
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(by)); err != nil {
			t.Fatal(err)
		}
	}
}

func removeAll(t *testing.T, files []string) {
	t.Helper()
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
