package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// TestWait: a check that began before its image was pushed ends when it is there.
// The registry sees one HEAD before, and one half a minute later.
func TestWait(t *testing.T) {
	registry := startLab(t, lab.Options{}).Open
	var stdout bytes.Buffer
	stderr, says, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binDir+"/pullgate", "check", "--image", registry.Ref("shop/web:late"), "--wait", "5m")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Stdout, cmd.Stderr = &stdout, says
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = says.Close() // it is the program's now
	line := make([]byte, 1024)
	n, err := stderr.Read(line)
	if want := "shop/web:late is not there yet; the next look is in 30s, and 5m0s are left"; err != nil || !strings.Contains(string(line[:n]), want) {
		t.Fatalf("got %q, %v", line[:n], err)
	}
	if err := tag(registry, "shop/web", "1.29", "late"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stdout.String())
	}
	if took := time.Since(start); took < 30*time.Second {
		t.Errorf("it took %s", took)
	}
	if heads := registry.Count(http.MethodHead, "/v2/shop/web/manifests/late"); heads != 2 {
		t.Errorf("%d HEADs, want 2", heads)
	}
}

// tag gives an image another tag, as a push does.
func tag(registry *lab.Registry, repository, from, to string) error {
	url := "http://" + registry.Host + "/v2/" + repository + "/manifests/"
	get, err := http.NewRequest(http.MethodGet, url+from, http.NoBody)
	if err != nil {
		return err
	}
	get.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json")
	got, err := http.DefaultClient.Do(get)
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		return err
	}
	put, err := http.NewRequest(http.MethodPut, url+to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	put.Header.Set("Content-Type", got.Header.Get("Content-Type"))
	done, err := http.DefaultClient.Do(put)
	if err != nil {
		return err
	}
	defer func() { _ = done.Body.Close() }()
	if done.StatusCode != http.StatusCreated {
		return fmt.Errorf("PUT %s: %s", url+to, done.Status)
	}
	return nil
}
