package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// slowRegistry answers nothing until it is let go, and then that it has no
// image.
func slowRegistry(t *testing.T) (host string, asked *atomic.Int64, letGo func()) {
	t.Helper()
	asked, going := new(atomic.Int64), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		select {
		case <-going:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked, func() { close(going) }
}

// podReview asks about a Pod of one image.
func podReview(image string) io.Reader {
	return strings.NewReader(fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop",
		"object":{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":%q}]}}}}`, image))
}

// SIGTERM loses no request: what has begun is answered by what the registry says, what comes
// afterwards is answered as before and told to close its connection, and the
// program is not ready from the first moment on.
func TestStopUnderLoad(t *testing.T) {
	const inFlight = 200
	certificate, key := newPair(t)
	config := write(t, "c.yaml", header+"registries: {allowAddresses: [127.0.0.0/8]}\n")
	bind, health, metrics := port(t), port(t), port(t)
	registry, asked, letGo := slowRegistry(t)
	p := serving(t, "serve", "--kubeconfig", apiServer(t), "--cert-dir", certDir(t, certificate, key), "--config", config, "--namespace", "pullgate",
		"--bind-address", bind, "--health-probe-bind-address", health, "--metrics-bind-address", metrics, "--drain-time", "3s")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: inFlight}}
	defer client.CloseIdleConnections()
	type answer struct {
		text   string
		closes bool
		err    error
	}
	do := func(response *http.Response, err error) answer {
		if err != nil {
			return answer{err: err}
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		return answer{fmt.Sprint(response.StatusCode, " ", string(text)), response.Close, err}
	}
	ask := func(image string) answer {
		return do(client.Post("https://"+bind+"/validate?timeout=30s", "application/json", podReview(image))) //nolint:bodyclose // do does
	}
	ready := func() bool { return strings.HasPrefix(do(client.Get("http://"+health+"/readyz")).text, "200") } //nolint:bodyclose // do does
	p.await(t, "ready", ready)
	answers := make(chan answer, inFlight)
	for i := range inFlight {
		go func() { answers <- ask(fmt.Sprintf("%s/shop/web%d:1", registry, i)) }()
	}
	p.await(t, "in flight", func() bool {
		return strings.Contains(do(client.Get("http://"+metrics+"/metrics")).text, fmt.Sprintf("pullgate_admission_in_flight %d\n", inFlight)) //nolint:bodyclose // do does
	})
	p.await(t, "at the registry", func() bool { return asked.Load() > 0 })
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "unready", func() bool { return !ready() })
	for range 10 { // that need no registry
		if a := ask("Not valid"); a.err != nil || !strings.HasPrefix(a.text, "200") || !strings.Contains(a.text, "not an image name") || !a.closes {
			t.Errorf("while it drains: %+v", a)
		}
	}
	letGo()
	for range inFlight {
		if a := <-answers; a.err != nil || !strings.HasPrefix(a.text, "200") || !strings.Contains(a.text, "MANIFEST_UNKNOWN") || strings.Contains(a.text, "in time") {
			t.Errorf("what was in flight: %+v", a)
		}
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d: %s", code, p.text())
	}
}

// SIGTERM ends it also where no API server has ever filled its caches.
func TestStopWithoutAPIServer(t *testing.T) {
	certificate, key := newPair(t)
	health := port(t)
	p := serving(t, "serve", "--kubeconfig", kubeconfig(t, "http://"+port(t)), "--cert-dir", certDir(t, certificate, key),
		"--config", write(t, "c.yaml", header), "--namespace", "pullgate",
		"--bind-address", port(t), "--health-probe-bind-address", health, "--metrics-bind-address", "0", "--drain-time", "0s")
	p.await(t, "alive", func() bool {
		response, err := http.Get("http://" + health + "/healthz")
		return err == nil && response.Body.Close() == nil
	})
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 0 {
		t.Errorf("exit code %d: %s", code, p.text())
	}
}
