package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/markers"
)

// marked is what a program meets that has a marker in every place of a credential:
// an API server, by its kubeconfig, and what asks about a Pod with all images.
type marked struct {
	*markers.Surroundings
	kube, manifest, review string
}

// newMarked makes it.
func newMarked(t *testing.T) *marked {
	t.Helper()
	m := &marked{Surroundings: markers.New(t)}
	m.kube = apiServerWith(t, map[string]string{
		"/api/v1/namespaces/shop/secrets/regcred":              m.SecretManifest("shop"),
		"/api/v1/namespaces/shop/serviceaccounts/puller":       `{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"puller","namespace":"shop","uid":"u"}}`,
		"/api/v1/namespaces/shop/serviceaccounts/puller/token": fmt.Sprintf(`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":{"audiences":["a"],"expirationSeconds":600},"status":{"token":%q,"expirationTimestamp":%q}}`, markers.Account, time.Now().Add(10*time.Minute).Format(time.RFC3339)),
	})
	pod := markers.PodManifest("shop", "p", m.Images...)
	m.review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop","object":` + pod + `}}`
	m.manifest = write(t, "m.yaml", pod+"\n---\n"+m.SecretManifest("shop")+"\n")
	return m
}

// Values of credentials of every kind, shown to registries that repeat them, are in
// nothing that serve writes or answers: log at debug, warnings and annotations,
// metrics, profiles, and in no argument or environment that the operator did not
// fill, its own or a program's that it runs.
func TestMarkersInServe(t *testing.T) {
	m := newMarked(t)
	certificate, key := newPair(t)
	bind, health, metrics, pprof := port(t), port(t), port(t), port(t)
	p := serving(t, "serve", "--kubeconfig", m.kube, "--cert-dir", certDir(t, certificate, key), "--namespace", "pullgate", "--config", m.Configuration, "--log-level", "debug",
		"--bind-address", bind, "--health-probe-bind-address", health, "--metrics-bind-address", metrics, "--pprof-bind-address", pprof)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	get := func(url string) string {
		response, err := client.Get(url)
		if err != nil {
			return ""
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		if packed, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, _ = io.ReadAll(packed)
		}
		return string(body)
	}
	p.await(t, "ready", func() bool { return get("http://"+health+"/readyz") == "ok" })
	for range 2 { // what is kept speaks, too
		response, err := client.Post("https://"+bind+"/validate?timeout=10s", "application/json", strings.NewReader(m.review))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		m.Told(t, "the answer", string(answer))
		if !strings.Contains(string(answer), "proxied.example") {
			t.Errorf("it does not speak of all images: %s", answer)
		}
	}
	m.Travelled(t, markers.Secret, markers.Token, markers.Config, markers.Provider, markers.Cloud, markers.Proxy, markers.Header)
	for what, url := range map[string]string{"metrics": "http://" + metrics + "/metrics", "heap": "http://" + pprof + "/debug/pprof/heap", "heap in words": "http://" + pprof + "/debug/pprof/heap?debug=1",
		"goroutines": "http://" + pprof + "/debug/pprof/goroutine?debug=2", "command line": "http://" + pprof + "/debug/pprof/cmdline", "trace": "http://" + pprof + "/debug/pprof/trace?seconds=0.1"} {
		m.Told(t, what, get(url))
	}
	for name, but := range map[string][]string{"cmdline": nil, "environ": markers.InEnvironment()} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Process.Pid, name))
		if err != nil {
			t.Fatal(err)
		}
		m.Told(t, name, string(content), but...)
	}
	tokens, processes := m.ProviderTokens(t)
	if !slices.Contains(tokens, markers.Account) {
		t.Errorf("the provider was shown the tokens %q", tokens)
	}
	m.Told(t, "the provider's process", processes, markers.InEnvironment()...)
	m.Told(t, "the log", p.text())
}

// Nor are they in anything that the command line writes, in any format.
func TestMarkersInCheck(t *testing.T) {
	m := newMarked(t)
	for _, format := range []string{"text", "json", "sarif", "junit", "github", "html"} {
		_, stdout, stderr := commandLine(t, "check", "-f", m.manifest, "--config", m.Configuration, "-o", format)
		m.Told(t, format, stdout+stderr)
	}
	_, stdout, stderr := commandLine(t, "config", "print", m.Configuration)
	m.Told(t, "the configuration", stdout+stderr)
	m.Travelled(t, markers.Secret, markers.Token, markers.Config, markers.Cloud, markers.Proxy, markers.Header)
}
