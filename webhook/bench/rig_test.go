package bench

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlwebhook "sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/webhook"
	"github.com/pullgate/pullgate/webhook/server"
	"github.com/pullgate/pullgate/wiring"
)

// images is a registry that has every image, each with content of its own, and
// wants a password for those in "private/".
type images struct {
	delay    time.Duration
	requests atomic.Int64
	// tokens says that it wants a token of its own token server, which is at host.
	tokens bool
	host   string
	own    sync.Map // what tags have of their own, by digest
}

func (i *images) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.requests.Add(1)
	time.Sleep(i.delay)
	if i.tokens && i.login(w, r) {
		return
	}
	repository, object, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
	if !found {
		http.NotFound(w, r)
		return
	}
	if _, password, _ := r.BasicAuth(); strings.HasPrefix(repository, "private/") && password != "password" {
		w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	manifest := i.manifest(repository, object)
	w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
	w.Header().Set("Content-Length", strconv.Itoa(len(manifest)))
	w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, manifest) // who went away needs no answer
	}
}

// manifest is that of a tag or digest. A tag that begins with "own-" has content
// of its own within its repository.
func (i *images) manifest(repository, object string) string {
	if kept, ok := i.own.Load(object); ok {
		return kept.(string)
	}
	own := strings.HasPrefix(object, "own-")
	content := repository
	if own {
		content += ":" + object
	}
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":"sha256:%064x","size":2},"layers":[],"annotations":{"of":%q}}`,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, 1, content)
	if own {
		i.own.Store(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))), manifest)
	}
	return manifest
}

// login gives tokens, and asks for them where there is none.
func (i *images) login(w http.ResponseWriter, r *http.Request) (done bool) {
	switch {
	case r.URL.Path == "/token":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"token":"`+r.URL.Query().Get("scope")+`","expires_in":300}`) // who went away needs no answer
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="images"`, i.host))
		w.WriteHeader(http.StatusUnauthorized)
	default:
		return false
	}
	return true
}

// start serves it over TLS, and returns its host.
func (i *images) start(b testing.TB) string { return start(b, i) }

// start serves a registry over TLS, and returns its host.
func start(b testing.TB, registry http.Handler) string {
	server := httptest.NewUnstartedServer(registry)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*selfMade(b)}} // whose handshake is cheap
	server.StartTLS()
	b.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "https://")
}

// oneSecret is an API server with one pull secret, by whatever name.
type oneSecret struct {
	client.Reader
	host string
}

func (s oneSecret) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	secret, ok := into.(*corev1.Secret)
	if !ok {
		return nil // an account without secrets
	}
	auth := base64.StdEncoding.EncodeToString([]byte("user:password"))
	secret.Type = corev1.SecretTypeDockerConfigJson
	secret.Data = map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, s.host, auth)}
	return nil
}

// someNodes are those of a cluster of two architectures.
func someNodes(n int) []nodes.Node {
	all := make([]nodes.Node, 0, n)
	for i := range n {
		all = append(all, nodes.FromObject(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{"kubernetes.io/os": "linux"}},
			Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: []string{"amd64", "arm64"}[i%2], ContainerRuntimeVersion: "containerd://2.4.2"}},
		}))
	}
	return all
}

// gate is a Pullgate as `pullgate serve` sets it up, but for the API server.
func gate(b testing.TB, host string) http.Handler {
	return gateOf(b, oneSecret{host: host}, someNodes(100))
}

// gateOf is one whose API server has what reader gives, and such nodes.
func gateOf(b testing.TB, reader client.Reader, known []nodes.Node) http.Handler {
	direct := cluster.Source{Reader: reader}
	all, log := prometheus.NewRegistry(), slog.New(quiet())
	components, err := wiring.New(policy.Default(), wiring.Dependencies{
		Secrets: cluster.Remember(direct), Fresh: direct, Observer: metrics.New(all, log), Log: log,
		Nodes: func() []nodes.Node { return known }, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Self: "pullgate-system", GivesUp: true,
		Labels: func(context.Context, string) (map[string]string, error) { return map[string]string{"a": "b"}, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	e := components.Engine(nil)
	return &webhook.Handler{Engine: func() (*engine.Engine, func()) { return e, func() {} }, Arrived: server.Arrived, Log: log, Metrics: webhook.NewMetrics(all)}
}

// quiet is a log that is written like the program's, and read by nobody.
func quiet() slog.Handler { return slog.NewJSONHandler(io.Discard, nil) }

// selfMade is a certificate like those that Pullgate makes.
func selfMade(b testing.TB) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve serves a handler by Pullgate's own server or by controller-runtime's, and
// returns the URL.
func serve(b testing.TB, handler http.Handler, own bool) string {
	ctrl.SetLogger(logr.FromSlogHandler(quiet()))
	certificate := selfMade(b)
	config := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		b.Fatal(err)
	}
	entrance := ctrlwebhook.NewServer(ctrlwebhook.Options{Host: "127.0.0.1", Port: address.Port, TLSOpts: []func(*tls.Config){
		func(c *tls.Config) { c.GetCertificate = config.GetCertificate },
	}})
	if own {
		entrance = &server.Server{Server: entrance, Address: address.String(), TLS: config, Log: slog.New(quiet())}
	}
	const path = "/validate"
	entrance.Register(path, handler)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- entrance.Start(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	for entrance.StartedChecker()(nil) != nil {
		time.Sleep(time.Millisecond)
	}
	return "https://" + address.String() + path
}

// allow is controller-runtime's admission webhook, deciding nothing.
func allow() http.Handler {
	return &admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response { return admission.Allowed("") })}
}

// newClient asks as API servers ask a Service: over HTTP/1.1, on connections
// that are kept. Only a webhook at a loopback URL would be asked over HTTP/2.
func newClient(b *testing.B) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 100}
	b.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// post sends an AdmissionReview, and makes sure that it is let in without a word.
func post(b *testing.B, client *http.Client, url string, review []byte) {
	response, err := client.Post(url+"?timeout=10s", "application/json", bytes.NewReader(review))
	if err != nil {
		b.Error(err)
		return
	}
	text, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		b.Error(err)
	}
	if err != nil || response.StatusCode != http.StatusOK || !bytes.Contains(text, []byte(`"allowed":true`)) || bytes.Contains(text, []byte("warnings")) {
		b.Errorf("%s answers %d, %v: %s", url, response.StatusCode, err, text)
	}
}
