package bench

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkIdle measures what the program itself takes, as it is released, when
// it serves and nobody has asked yet: beside a cluster without objects.
func BenchmarkIdle(b *testing.B) {
	dir := b.TempDir()
	built := filepath.Join(dir, "built")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", built, "../../cmd/pullgate")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, said)
	}
	program := unpacked(b, built)
	kubeconfig := emptyCluster(b, dir)
	writeCertificate(b, dir)
	for b.Loop() {
		health := freeAddress(b)
		command := exec.Command(program, "serve", "--kubeconfig", kubeconfig, "--cert-dir", dir, "--namespace", "pullgate-system",
			"--bind-address", freeAddress(b), "--metrics-bind-address", freeAddress(b), "--health-probe-bind-address", health)
		command.Env = append(os.Environ(), "GOMEMLIMIT=512MiB")
		if err := command.Start(); err != nil {
			b.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- command.Wait() }()
		for !ready("http://" + health + "/readyz") {
			select {
			case err := <-ended:
				b.Fatalf("it ended before it was ready: %v", err)
			case <-time.After(10 * time.Millisecond):
			}
		}
		b.ReportMetric(child{pid: command.Process.Pid}.megabytes(b, "VmRSS"), "idle-MB")
		_ = command.Process.Kill()
		if err := <-ended; err == nil {
			b.Error("it ended by itself")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// ready tells whether a probe is answered well.
func ready(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // it says no more
	return response.StatusCode == http.StatusOK
}

// unpacked is a copy of a program, written piece by piece as images are unpacked
// on nodes. What a linker has just written lies in the kernel's cache in larger
// pieces, which are mapped as a whole: some 9 MB more.
func unpacked(t testing.TB, program string) string {
	t.Helper()
	from, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }() // it was only read
	name := filepath.Join(t.TempDir(), "pullgate")
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from}); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// freeAddress is where nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// writeCertificate writes one that the program serves with.
func writeCertificate(t testing.TB, dir string) {
	t.Helper()
	certificate := selfMade(t)
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, "tls.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// emptyCluster is an API server that has nothing, and returns the kubeconfig.
func emptyCluster(t testing.TB, dir string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		kind := `"apiVersion":"v1","kind":"Node`
		if strings.HasSuffix(r.URL.Path, "/namespaces") {
			kind = `"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata`
		}
		if r.URL.Query().Get("watch") == "" {
			_, _ = fmt.Fprintf(w, `{%sList","metadata":{"resourceVersion":"1"},"items":[]}`, kind) // who went away needs no answer
			return
		}
		_, _ = fmt.Fprintf(w, `{"type":"BOOKMARK","object":{%s","metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`+"\n", kind)
		_ = http.NewResponseController(w).Flush() // nothing more comes
		<-r.Context().Done()
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	kubeconfig := filepath.Join(dir, "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n", server.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}
