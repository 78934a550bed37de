package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Markers stand for the values of each kind of credential.
const (
	markedSecret   = "marker-pull-secret-7d1f"
	markedIdentity = "marker-identity-token-90aa"
	markedToken    = "marker-registry-token-3c52"
	markedConfig   = "marker-config-json-e6b8"
	markedProvider = "marker-provider-output-18f4"
	markedAccount  = "marker-service-account-token-5b7e"
	markedCloud    = "marker-cloud-login-c0d9"
	markedKey      = "marker-cloud-key-44a1"
	markedProxy    = "marker-proxy-password-2e6c"
	markedHeader   = "marker-hosts-header-f853"
)

// inEnvironment are those that the operator has put into the program's environment.
var inEnvironment = []string{markedKey, markedProxy}

// markers are all of them.
func markers() []string {
	return append([]string{markedSecret, markedIdentity, markedToken, markedConfig, markedProvider, markedAccount, markedCloud, markedHeader}, inEnvironment...)
}

// gossip is a registry, token server or proxy that repeats whatever it is shown.
type gossip struct {
	mu   sync.Mutex
	seen strings.Builder
}

// ServeHTTP takes a token for anything, lets nobody in, and says all it knows.
func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	shown, _ := httputil.DumpRequest(r, true)
	user, password, _ := r.BasicAuth()
	text := fmt.Sprintf("%s %s:%s", shown, user, password)
	if _, encoded, ok := strings.Cut(r.Header.Get("Proxy-Authorization"), " "); ok {
		decoded, _ := base64.StdEncoding.DecodeString(encoded)
		text += string(decoded)
	}
	g.mu.Lock()
	g.seen.WriteString(text)
	g.mu.Unlock()
	switch {
	case r.Method == http.MethodConnect:
		http.Error(w, text, http.StatusProxyAuthRequired)
	case r.URL.Path == "/token":
		_, _ = fmt.Fprintf(w, `{"token":%q,"access_token":%q}`, markedToken, markedToken)
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="s"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	default:
		said, _ := json.Marshal(map[string]any{"errors": []any{map[string]any{"code": "DENIED", "message": text, "detail": text}}})
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(said)
	}
}

// saw tells whether it was shown a text.
func (g *gossip) saw(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Contains(g.seen.String(), text)
}

// marked is a program's surroundings with a marker in every place of a credential.
type marked struct {
	gossip
	hosts                       []string // of registries: pull secret, config.json, provider, hosts.toml
	folder, configuration, kube string
	manifest, review            string
}

// newMarked makes them.
func newMarked(t *testing.T) *marked {
	t.Helper()
	m := &marked{folder: t.TempDir()}
	for range 4 {
		server := httptest.NewServer(&m.gossip)
		t.Cleanup(server.Close)
		m.hosts = append(m.hosts, server.Listener.Addr().String())
	}
	m.environment(t)
	secret := dockerConfig(map[string]string{m.hosts[0]: fmt.Sprintf(`{"auth":%q}`, auth(markedSecret)), "quay.io": fmt.Sprintf(`{"identitytoken":%q}`, markedIdentity)})
	hostsDir, programs := filepath.Join(m.folder, "hosts"), filepath.Join(m.folder, "programs")
	m.write(t, "hosts/"+m.hosts[3]+"/hosts.toml", fmt.Sprintf("server = \"http://%s\"\n[header]\nX-Secret = %q\n", m.hosts[3], markedHeader))
	m.write(t, "hosts/"+ecrHost+"/hosts.toml", fmt.Sprintf("server = \"http://%s\"\n", m.hosts[3]))
	m.write(t, "config.json", dockerConfig(map[string]string{m.hosts[1]: fmt.Sprintf(`{"auth":%q}`, auth(markedConfig))}))
	m.write(t, "providers.json", fmt.Sprintf(`{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[{"name":"p","matchImages":[%q],"defaultCacheDuration":"1h",
		"apiVersion":"credentialprovider.kubelet.k8s.io/v1","tokenAttributes":{"serviceAccountTokenAudience":"a","cacheType":"Token","requireServiceAccount":true}}]}`, m.hosts[2]))
	m.write(t, "programs/p", fmt.Sprintf("#!/bin/sh\ncat > %[1]s/stdin\ncat %[1]s/stdin >&2\ncat /proc/$$/cmdline /proc/$$/environ /proc/$PPID/cmdline > %[1]s/proc\n"+
		`echo '{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","auth":{"%[2]s":{"username":"u","password":"%[3]s"}}}'`+"\n", m.folder, m.hosts[2], markedProvider))
	m.configuration = m.write(t, "c.yaml", header+fmt.Sprintf("registries: {allowAddresses: [127.0.0.0/8], hostsDir: %s}\nnodes: {dockerConfig: %s/config.json, credentialProviders: {config: %s/providers.json, binDir: %s}, cloudCredentials: [ecr]}\n",
		hostsDir, m.folder, m.folder, programs))
	m.kube = apiServerWith(t, map[string]string{
		"/api/v1/namespaces/shop/secrets/regcred":               fmt.Sprintf(`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"regcred","namespace":"shop"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":%q}}`, base64.StdEncoding.EncodeToString([]byte(secret))),
		"/api/v1/namespaces/shop/serviceaccounts/default":       `{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"default","namespace":"shop","uid":"u"}}`,
		"/api/v1/namespaces/shop/serviceaccounts/default/token": fmt.Sprintf(`{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","spec":{"audiences":["a"],"expirationSeconds":600},"status":{"token":%q,"expirationTimestamp":%q}}`, markedAccount, time.Now().Add(10*time.Minute).Format(time.RFC3339)),
	})
	var containers []string
	for i, host := range append(m.hosts[:4:4], ecrHost, "proxied.example") {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":"%s/app:1"}`, i, host))
	}
	pod := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"shop"},"spec":{"imagePullSecrets":[{"name":"regcred"}],"containers":[%s]}}`, strings.Join(containers, ","))
	m.review = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE","namespace":"shop","object":` + pod + `}}`
	m.manifest = m.write(t, "m.yaml", pod+"\n---\n"+fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"regcred","namespace":"shop"},"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":%q}}`, secret)+"\n")
	return m
}

// environment sets what a cloud and a proxy are taken from.
func (m *marked) environment(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d}]}`, auth(markedCloud), time.Now().Add(time.Hour).Unix())
	}))
	proxy := httptest.NewServer(&m.gossip)
	t.Cleanup(api.Close)
	t.Cleanup(proxy.Close)
	none := filepath.Join(m.folder, "none")
	for name, value := range map[string]string{
		"HOME": m.folder, "DOCKER_CONFIG": none, "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": markedKey, "AWS_ENDPOINT_URL_ECR": api.URL,
		"HTTPS_PROXY": strings.Replace(proxy.URL, "http://", "http://user:"+markedProxy+"@", 1), "NO_PROXY": "127.0.0.1",
	} {
		t.Setenv(name, value)
	}
}

// write makes a file that may be run.
func (m *marked) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(m.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func auth(password string) string {
	return base64.StdEncoding.EncodeToString([]byte("user:" + password))
}

func dockerConfig(entries map[string]string) string {
	var all []string
	for host, entry := range entries {
		all = append(all, fmt.Sprintf("%q:%s", host, entry))
	}
	return `{"auths":{` + strings.Join(all, ",") + `}}`
}

// tells fails where a text has a marker, as it is or encoded, apart from those
// that may be there.
func tells(t *testing.T, what, text string, but ...string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s is empty", what)
	}
	for _, marker := range markers() {
		forms := []string{marker, base64.StdEncoding.EncodeToString([]byte(marker)), auth(marker), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("\x00"+marker)), "=")[2:20]}
		for _, form := range forms {
			allowed := false
			for _, one := range but {
				allowed = allowed || one == marker
			}
			if !allowed && strings.Contains(text, form) {
				t.Errorf("%s tells %s (%s)", what, marker, form)
			}
		}
	}
}

// travelled fails where a marker never got to where it is for: then there was
// nothing to be told.
func (m *marked) travelled(t *testing.T, which ...string) {
	t.Helper()
	for _, marker := range which {
		if !m.saw(marker) {
			t.Errorf("%s was shown to nobody", marker)
		}
	}
}

// Values of credentials of every kind, shown to registries that repeat them, are in
// nothing that serve writes or answers: log at debug, warnings and annotations,
// metrics, profiles, and in no argument or environment that the operator did not
// fill, its own or a program's that it runs.
func TestMarkersInServe(t *testing.T) {
	m := newMarked(t)
	certificate, key := newPair(t)
	bind, health, metrics, pprof := port(t), port(t), port(t), port(t)
	p := serving(t, "serve", "--kubeconfig", m.kube, "--cert-dir", certDir(t, certificate, key), "--namespace", "pullgate", "--config", m.configuration, "--log-level", "debug",
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
		tells(t, "the answer", string(answer))
		if !strings.Contains(string(answer), "proxied.example") {
			t.Errorf("it does not speak of all images: %s", answer)
		}
	}
	m.travelled(t, markedSecret, markedToken, markedConfig, markedProvider, markedCloud, markedProxy, markedHeader)
	for what, url := range map[string]string{"metrics": "http://" + metrics + "/metrics", "heap": "http://" + pprof + "/debug/pprof/heap", "heap in words": "http://" + pprof + "/debug/pprof/heap?debug=1",
		"goroutines": "http://" + pprof + "/debug/pprof/goroutine?debug=2", "command line": "http://" + pprof + "/debug/pprof/cmdline", "trace": "http://" + pprof + "/debug/pprof/trace?seconds=0.1"} {
		tells(t, what, get(url))
	}
	for name, but := range map[string][]string{"cmdline": nil, "environ": inEnvironment} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Process.Pid, name))
		if err != nil {
			t.Fatal(err)
		}
		tells(t, name, string(content), but...)
	}
	stdin, _ := os.ReadFile(filepath.Join(m.folder, "stdin"))
	if !strings.Contains(string(stdin), markedAccount) {
		t.Errorf("the provider was shown no token: %s", stdin)
	}
	child, _ := os.ReadFile(filepath.Join(m.folder, "proc"))
	tells(t, "the provider's process", string(child), inEnvironment...)
	tells(t, "the log", p.text())
}

// Nor are they in anything that the command line writes, in any format.
func TestMarkersInCheck(t *testing.T) {
	m := newMarked(t)
	for _, format := range []string{"text", "json", "sarif", "junit", "github", "html"} {
		_, stdout, stderr := commandLine(t, "check", "-f", m.manifest, "--config", m.configuration, "-o", format)
		tells(t, format, stdout+stderr)
	}
	_, stdout, stderr := commandLine(t, "config", "print", m.configuration)
	tells(t, "the configuration", stdout+stderr)
	m.travelled(t, markedSecret, markedToken, markedConfig, markedCloud, markedProxy, markedHeader)
}
