package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestProgram is no test: it is the program, when this test program is run as
// it. Serving registers what there can be one of in a process.
func TestProgram(t *testing.T) {
	if os.Getenv("PULLGATE_TEST_PROGRAM") == "" {
		return
	}
	for i, argument := range os.Args {
		if argument == "--" {
			os.Args = append(os.Args[:1], os.Args[i+1:]...)
			break
		}
	}
	main()
	t.Error("main returned") // it exits
}

// program is a pullgate that runs.
type program struct {
	*exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

// Write takes the program's output up.
func (p *program) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(data)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// serving runs the program until the test ends.
func serving(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], append([]string{"-test.run=^TestProgram$", "--"}, args...)...), done: make(chan struct{})}
	p.Env = append(os.Environ(), "PULLGATE_TEST_PROGRAM=1", "POD_NAMESPACE=", "KUBERNETES_SERVICE_HOST=", "KUBECONFIG=")
	p.Stdout, p.Stderr = p, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
	})
	return p
}

// wait returns the exit code.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	<-p.done
	return p.ProcessState.ExitCode()
}

// await waits until something holds of the program, or it ends.
func (p *program) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-p.done:
			t.Fatalf("never %s: %s", what, p.text())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// apiServer is an API server as far as serve needs one to start: it has no
// objects at all, and does not answer what is asked about those in Namespace slow. It returns a kubeconfig for it.
func apiServer(t *testing.T) string { return apiServerWith(t, nil) }

// apiServerWith is one that has some objects, by their paths.
func apiServerWith(t *testing.T, objects map[string]string) string {
	t.Helper()
	answers := map[string]string{
		"/api":  `{"kind":"APIVersions","versions":["v1"]}`,
		"/apis": `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`,
		"/api/v1": `{"kind":"APIResourceList","groupVersion":"v1","resources":[
			{"name":"nodes","kind":"Node","namespaced":false,"verbs":["list","watch"]},{"name":"namespaces","kind":"Namespace","namespaced":false,"verbs":["get","list","watch"]}]}`,
		"/api/v1/nodes":      `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`,
		"/api/v1/namespaces": `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`,
	}
	maps.Copy(answers, objects)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/slow/"):
			<-r.Context().Done()
		case !known:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		case r.URL.Query().Get("sendInitialEvents") != "":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
		case r.URL.Query().Get("watch") != "":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush() // the client is gone then
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return kubeconfig(t, server.URL)
}

func kubeconfig(t *testing.T, url string) string {
	t.Helper()
	return write(t, "kubeconfig", fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c",
		"clusters":[{"name":"c","cluster":{"server":%q}}],"contexts":[{"name":"c","context":{"cluster":"c"}}]}`, url))
}

// newPair makes a certificate and its key, in PEM.
func newPair(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"pullgate"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// certDir is a folder with a certificate and a key.
func certDir(t *testing.T, certificate, key []byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string][]byte{"tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// port is one of this machine that is free, for now.
func port(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

// taken is a port that is not.
func taken(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestServeRefusesToStart(t *testing.T) {
	certificate, key := newPair(t)
	_, otherKey := newPair(t)
	good, kube := certDir(t, certificate, key), apiServer(t)
	quiet := []string{"--metrics-bind-address", "0", "--health-probe-bind-address", "0"}
	tests := []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"a missing configuration", []string{"--config", "/none/c.yaml"}, exitUsage, []string{"/none/c.yaml: no such file", "hint: name the file with --config"}},
		{"a bad configuration", []string{"--config", write(t, "c.yaml", header+"mode: strict\n")}, exitUsage, []string{"mode: Unsupported value"}},
		{"a missing kubeconfig", []string{"--kubeconfig", "/none/kubeconfig"}, exitUsage, []string{"kubeconfig", "/none/kubeconfig: no such file", "hint: "}},
		{"a bad kubeconfig", []string{"--kubeconfig", write(t, "k", "{")}, exitUsage, []string{"kubeconfig: ", "hint: "}},
		{"no kubeconfig, and no cluster", nil, exitUsage, []string{"kubeconfig: ", "hint: name a kubeconfig with --kubeconfig"}},
		{"no namespace for managed certificates", []string{"--kubeconfig", kube}, exitUsage, []string{"no namespace is given", "--cert-dir"}},
		{"a folder without a certificate", []string{"--kubeconfig", kube, "--cert-dir", t.TempDir()}, exitUsage, []string{"--cert-dir", "tls.crt: no such file"}},
		{"a key of another certificate", []string{"--kubeconfig", kube, "--cert-dir", certDir(t, certificate, otherKey)}, exitUsage, []string{"private key does not match public key"}},
		{"a certificate of rubbish", []string{"--kubeconfig", kube, "--cert-dir", certDir(t, []byte("x"), key)}, exitUsage, []string{"tls.crt", "PEM"}},
		{"a client CA that is missing", []string{"--kubeconfig", kube, "--cert-dir", good, "--client-ca-file", "/none/ca.crt"}, exitUsage, []string{"--client-ca-file", "/none/ca.crt"}},
		{"a client CA of rubbish", []string{"--kubeconfig", kube, "--cert-dir", good, "--client-ca-file", write(t, "ca.crt", "x")}, exitUsage, []string{"holds no certificate", "PEM"}},
		{"no address of pprof", []string{"--kubeconfig", kube, "--cert-dir", good, "--pprof-bind-address", "6060"}, exitUsage, []string{"--pprof-bind-address", "HOST:PORT"}},
		{"a token's user without an audience", []string{"--kubeconfig", kube, "--cert-dir", good, "--token-user", "u"}, exitUsage, []string{"--token-user", "--token-audience"}},
		{"an address that is none", []string{"--kubeconfig", kube, "--cert-dir", good, "--bind-address", "9443"}, exitUsage, []string{`--bind-address "9443" is no HOST:PORT`}},
		{"a metrics address that is none", []string{"--kubeconfig", kube, "--cert-dir", good, "--metrics-bind-address", "x"}, exitUsage, []string{`--metrics-bind-address "x"`}},
		{"a port in use", append(quiet, "--kubeconfig", kube, "--cert-dir", good, "--bind-address", taken(t)), exitFailed, []string{"serve: ", "address already in use"}},
		{"a metrics port in use", []string{"--kubeconfig", kube, "--cert-dir", good, "--bind-address", port(t), "--health-probe-bind-address", "0", "--metrics-bind-address", taken(t)}, exitFailed, []string{"address already in use"}},
		{"a health port in use", []string{"--kubeconfig", kube, "--cert-dir", good, "--metrics-bind-address", "0", "--health-probe-bind-address", taken(t)}, exitFailed, []string{"address already in use"}},
		{"providers that are missing", append(quiet, "--kubeconfig", kube, "--cert-dir", good, "--config", write(t, "c.yaml", header+"nodes: {credentialProviders: {config: /none/p.yaml, binDir: /none}}\n")), exitUsage, []string{"nodes.credentialProviders: ", "/none/p.yaml"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := serving(t, append([]string{"serve"}, test.args...)...)
			if code := p.wait(t); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			var said string // the error; the rest is the log
			for line := range strings.Lines(p.text()) {
				if strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "hint: ") {
					said += line
				}
			}
			for _, part := range test.want {
				if !strings.Contains(said, part) {
					t.Errorf("no %q in %s", part, p.text())
				}
			}
			if strings.Contains(p.text(), "panic") || strings.Contains(p.text(), "goroutine ") {
				t.Errorf("a panic: %s", p.text())
			}
		})
	}
}

// An API server that is down when the program starts holds up nothing: the
// program waits for it, alive and not ready.
func TestServeWaitsForTheAPIServer(t *testing.T) {
	down, health := "http://"+port(t), port(t)
	p := serving(t, "serve", "--kubeconfig", kubeconfig(t, down), "--namespace", "pullgate",
		"--bind-address", port(t), "--metrics-bind-address", "0", "--health-probe-bind-address", health)
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusInternalServerError} {
		code := 0
		p.await(t, "answering", func() bool {
			response, err := http.Get("http://" + health + path)
			if err != nil {
				return false
			}
			code = response.StatusCode
			return response.Body.Close() == nil
		})
		if code != want {
			t.Errorf("%s answers %d, want %d: %s", path, code, want, p.text())
		}
	}
}

// The program answers at its addresses, takes a changed configuration up, and
// ends when it is told to.
func TestServe(t *testing.T) {
	certificate, key := newPair(t)
	config, bind, health, metrics := write(t, "c.yaml", header), port(t), port(t), port(t)
	p := serving(t, "serve", "--kubeconfig", apiServer(t), "--cert-dir", certDir(t, certificate, key), "--config", config, "--namespace", "pullgate",
		"--bind-address", bind, "--health-probe-bind-address", health, "--metrics-bind-address", metrics, "--drain-time", "0s")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 10 * time.Second}
	ask := func(method, url, body string) (int, string) {
		request, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err.Error()
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return 0, err.Error()
		}
		return response.StatusCode, string(text)
	}
	p.await(t, "ready", func() bool { code, _ := ask("GET", "http://"+health+"/readyz", ""); return code == http.StatusOK })
	if code, _ := ask("GET", "http://"+health+"/healthz", ""); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	review := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop",
		"object":{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":"Not valid"}]}}}}`
	// The namespace cannot be read, so that the verdict is a warning.
	if code, text := ask("POST", "https://"+bind+"/validate?timeout=10s", review); code != http.StatusOK || !strings.Contains(text, `"allowed":true`) || !strings.Contains(text, "not an image name") {
		t.Errorf("/validate answers %d: %s", code, text)
	}
	_, series := ask("GET", "http://"+metrics+"/metrics", "")
	for _, name := range []string{"pullgate_admission_requests_total", "pullgate_admission_duration_seconds", "pullgate_configuration_current 1"} {
		if !strings.Contains(series, name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	if err := os.WriteFile(config, []byte(header+"mode: audit\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.await(t, "changed", func() bool { return strings.Contains(p.text(), "configuration taken up") })
	if code, text := ask("POST", "https://"+bind+"/validate?timeout=10s", review); code != http.StatusOK || strings.Contains(text, "warnings") {
		t.Errorf("in mode audit /validate answers %d: %s", code, text)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d: %s", code, p.text())
	}
}

// With --client-ca-file only who shows a certificate of that CA is answered.
func TestServeClientCertificates(t *testing.T) {
	certificate, key := newPair(t)
	foreign, foreignKey := newPair(t)
	bind := port(t)
	p := serving(t, "serve", "--kubeconfig", apiServer(t), "--cert-dir", certDir(t, certificate, key), "--namespace", "pullgate",
		"--client-ca-file", write(t, "ca.crt", string(certificate)), "--bind-address", bind, "--health-probe-bind-address", "0", "--metrics-bind-address", "0")
	ask := func(certificates ...[]byte) (int, error) {
		config := &tls.Config{InsecureSkipVerify: true}
		if len(certificates) > 0 {
			pair, err := tls.X509KeyPair(certificates[0], certificates[1])
			if err != nil {
				t.Fatal(err)
			}
			// Whether or not the server wants one of this authority.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+bind+"/validate", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	p.await(t, "answered", func() bool { code, _ := ask(certificate, key); return code == http.StatusBadRequest })
	if code, err := ask(); err != nil || code != http.StatusUnauthorized {
		t.Errorf("without a certificate: %d, %v", code, err)
	}
	if code, err := ask(foreign, foreignKey); err == nil {
		t.Errorf("with a certificate of another authority: %d", code)
	}
}
