package cli

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const (
	manifests = 1000
	images    = 300
	// away is how far the registry is.
	away = 20 * time.Millisecond
	// maxMemory is what a check of all that may take.
	maxMemory = 150 << 20
	// together is how many requests are on their way at a time at least: one
	// after the other would take half a minute.
	together = 8
)

// counting is a registry at a distance, that counts requests by method and
// path.
type counting struct {
	registry http.Handler
	distance time.Duration

	mu       sync.Mutex
	requests map[string]int
	open     int // requests that are being answered
	most     int // of them at a time
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests[r.Method+" "+r.URL.Path]++
	c.open++
	c.most = max(c.most, c.open)
	c.mu.Unlock()
	time.Sleep(c.distance)
	c.registry.ServeHTTP(w, r)
	c.mu.Lock()
	c.open--
	c.mu.Unlock()
}

// methods counts the requests by method and forgets them; worst is the most
// that any path had by one method.
func (c *counting) methods() (methods map[string]int, worst int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	methods = map[string]int{}
	for request, n := range c.requests {
		method, _, _ := strings.Cut(request, " ")
		methods[method] += n
		worst = max(worst, n)
	}
	c.requests = map[string]int{}
	return methods, worst
}

// startCounting runs the registry and fills it with images.
func startCounting(t *testing.T) (*counting, string) {
	t.Helper()
	c := &counting{registry: registry.New(registry.Logger(log.New(io.Discard, "", 0))), requests: map[string]int{}}
	server := httptest.NewUnstartedServer(c)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // TLS is tried first
	server.Start()
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	for i := range images {
		image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Author: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(fmt.Sprintf("%s/team-%d/app-%d:v%d", host, i%7, i, i))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
	}
	c.methods()
	c.distance = away
	return c, host
}

// writeManifests writes Deployments, a file each, of two containers.
func writeManifests(t *testing.T, host string) string {
	t.Helper()
	dir := t.TempDir()
	for i := range manifests {
		a, b := i%images, (i*7+1)%images
		text := manifestOf(host, i, a, b)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("app-%d.yaml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// manifestOf is the i-th Deployment, with the images a and b.
func manifestOf(host string, i, a, b int) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: app-%d, namespace: team-%d}
spec:
  template:
    spec:
      containers:
      - name: app
        image: %s/team-%d/app-%d:v%d
      - name: side
        image: %s/team-%d/app-%d:v%d
`, i, i%7, host, a%7, a, a, host, b%7, b, b)
}

// measured runs the program, and tells how long it took and its largest size.
func measured(t *testing.T, args ...string) (out string, took time.Duration, size int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(binDir, "pullgate"), args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "HOME="+t.TempDir(), "DOCKER_CONFIG=")
	start := time.Now()
	output, err := cmd.CombinedOutput()
	took = time.Since(start)
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return string(output), took, usage.Maxrss << 10
}

// TestCost: of a thousand manifests with three hundred images on a registry
// that is 20 ms away many images are asked for at a time, each by one HEAD and
// one GET; with a folder for contents, the next run is HEADs alone.
func TestCost(t *testing.T) {
	registry, host := startCounting(t)
	dir, cache := writeManifests(t, host), t.TempDir()

	out, took, size := measured(t, "check", "-f", dir)
	methods, worst := registry.methods()
	t.Logf("%d manifests, %d images: %s, %d MiB, %v", manifests, images, took.Round(time.Millisecond), size>>20, methods)
	if !strings.HasPrefix(out, fmt.Sprintf("%d images: %d pullable\n", 2*manifests, 2*manifests)) {
		t.Fatalf("unexpected report:\n%s", out)
	}
	if size > maxMemory {
		t.Errorf("it took %d MiB, want %d MiB at most", size>>20, maxMemory>>20)
	}
	if registry.most < together {
		t.Errorf("%d requests at a time, want %d at least", registry.most, together)
	}
	if methods["HEAD"] != images || methods["GET"] != images || len(methods) != 2 || worst != 1 {
		t.Errorf("requests %v, up to %d equal ones, want one HEAD and one GET for each image", methods, worst)
	}

	measured(t, "check", "-f", dir, "--cache-dir", cache)
	registry.methods()
	_, took, _ = measured(t, "check", "-f", dir, "--cache-dir", cache)
	methods, worst = registry.methods()
	t.Logf("again with --cache-dir: %s, %v", took.Round(time.Millisecond), methods)
	if methods["HEAD"] != images || len(methods) != 1 || worst != 1 {
		t.Errorf("requests of the second run %v, want one HEAD for each image", methods)
	}
}

// TestSize: what everybody downloads stays small.
func TestSize(t *testing.T) {
	info, err := os.Stat(filepath.Join(binDir, "pullgate"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the program has %d MB", info.Size()/1e6)
	if info.Size() > 70e6 {
		t.Errorf("the program has %d MB, want 70 at most", info.Size()/1e6)
	}
}
