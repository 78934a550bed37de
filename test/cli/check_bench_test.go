package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCheck measures `pullgate check` of so many images, two in each file,
// beside a registry that is 20 ms away: how long it takes and its largest size in
// memory, the pages of its own file included.
func BenchmarkCheck(b *testing.B) {
	for _, size := range []struct{ images, manifests int }{{300, 1000}, {10_000, 5000}} {
		b.Run(fmt.Sprintf("images=%d", size.images), func(b *testing.B) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(anything))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			dir := b.TempDir()
			for i := range size.manifests {
				text := manifestOf(server.Listener.Addr().String(), i, 2*i%size.images, (2*i+1)%size.images)
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("app-%d.yaml", i)), []byte(text), 0o600); err != nil {
					b.Fatal(err)
				}
			}
			var took time.Duration
			var most int64
			for b.Loop() {
				once, size := checkOf(b, dir, 2*size.manifests)
				took, most = took+once, max(most, size)
			}
			b.ReportMetric(took.Seconds()/float64(b.N), "check-s")
			b.ReportMetric(float64(most)/1e6, "check-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// checkOf checks a folder, and tells how long it took and how large the program
// became, in bytes.
func checkOf(b *testing.B, dir string, images int) (took time.Duration, size int64) {
	cmd := exec.Command(filepath.Join(binDir, "pullgate"), "check", "-f", dir)
	cmd.Env = append(os.Environ(), "HOME="+b.TempDir(), "DOCKER_CONFIG=")
	start := time.Now()
	output, err := cmd.CombinedOutput()
	took = time.Since(start)
	if err != nil || !strings.HasPrefix(string(output), fmt.Sprintf("%d images: %d pullable\n", images, images)) {
		b.Fatalf("%v\n%.2000s", err, output)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if size = usage.Maxrss << 10; size <= ownSize(b) {
		b.Fatalf("%d bytes may be those of this process, out of which the other is started", size)
	}
	return took, size
}

// ownSize is how large this process became, in bytes. What it starts is counted
// from there (Linux, fs/exec.c, exec_mmap).
func ownSize(b *testing.B) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes << 10
}

// anything is a registry that has every image, each with content of its own.
func anything(w http.ResponseWriter, r *http.Request) {
	time.Sleep(away)
	const mediaType = "application/vnd.oci.image.manifest.v1+json"
	repository, _, found := strings.Cut(r.URL.Path, "/manifests/")
	if !found {
		http.NotFound(w, r)
		return
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%064x","size":2},"layers":[],"annotations":{"repository":%q}}`, mediaType, 1, repository)
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(manifest)))
	w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, manifest) // who went away needs none
	}
}
