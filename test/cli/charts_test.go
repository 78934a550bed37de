package cli

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// manifest is that of every image of the charts.
const manifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`

func manifestDigest() string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))) }

// everything is a registry that has every image below pod/, and nothing else.
func everything(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/v2/pod/") {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}`)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	w.Header().Set("Docker-Content-Digest", manifestDigest())
	w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, manifest)
	}
}

// result is what the tests read of a report's.
type result struct {
	Image, Verdict, Field string
	Source                struct {
		File string
		Line int
	}
}

// TestCharts checks what helm makes of charts of the size and shape of the
// field's large ones: all images of Pods are found, at their lines, and
// nothing that only looks like one, in CustomResourceDefinitions, custom
// resources, arguments, annotations, ConfigMaps and Secrets.
func TestCharts(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(everything))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	host := server.Listener.Addr().String()
	bin := helm(t)
	charts, err := filepath.Glob("testdata/charts/*")
	if err != nil || len(charts) < 5 {
		t.Fatalf("charts %v, %v", charts, err)
	}
	for _, chart := range charts {
		t.Run(filepath.Base(chart), func(t *testing.T) {
			rendered := filepath.Join(t.TempDir(), "rendered.yaml")
			// As people type it, with a copy for the count.
			line := fmt.Sprintf("helm template shop %s --set registry=%s --set digest=%s | tee %s | pullgate check -f - -o json", chart, host, manifestDigest(), rendered)
			cmd := exec.Command("sh", "-c", line)
			cmd.Env = append(os.Environ(), "PATH="+strings.Join([]string{binDir, bin, os.Getenv("PATH")}, ":"), "HOME="+t.TempDir())
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var report struct{ Results []result }
			if err := json.Unmarshal(out, &report); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(rendered)
			if err != nil {
				t.Fatal(err)
			}
			compareImages(t, string(text), host, report.Results)
		})
	}
}

// helm returns a folder with the helm that make builds, by that name.
func helm(t *testing.T) string {
	t.Helper()
	built, err := filepath.Glob(root + "/bin/helm-v*")
	if err != nil || len(built) == 0 {
		t.Fatalf("helm is not built (%v): run `make test-cli`", err)
	}
	dir := t.TempDir()
	if err := os.Symlink(absolute(t, built[len(built)-1]), filepath.Join(dir, "helm")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// compareImages counts the images in a rendered chart by its text alone.
func compareImages(t *testing.T, text, host string, results []result) {
	t.Helper()
	want := len(regexp.MustCompile(`(image|reference): "?`+regexp.QuoteMeta(host)+`/pod/`).FindAllString(text, -1))
	documents := strings.Count(text, "\n---") + 1
	t.Logf("%d documents, %d bytes, %d images", documents, len(text), want)
	if len(results) != want || want == 0 {
		t.Errorf("%d images found, want %d", len(results), want)
	}
	lines := strings.Split(text, "\n")
	for _, r := range results {
		if r.Verdict != "pullable" || strings.Contains(r.Image, "decoy") {
			t.Errorf("%s is %s", r.Image, r.Verdict)
		}
		if r.Source.Line < 1 || r.Source.Line > len(lines) || !strings.Contains(lines[r.Source.Line-1], r.Image) {
			t.Errorf("%s is not at line %d", r.Image, r.Source.Line)
		}
	}
}
