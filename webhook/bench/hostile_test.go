package bench

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/resolver/nodes"
)

// BenchmarkHostile measures what Pullgate takes when all that it keeps is as
// full and as large as tenants and registries can make it: answers and contents
// with long notes, challenges and tokens of the largest size that is taken, for
// containerd and for CRI-O, large Secrets and ServiceAccounts, long references,
// connections, registries that fail and such as answer 429, and at last
// manifests of four megabytes and tag lists, as many at once as are asked for.
func BenchmarkHostile(b *testing.B) {
	registry := &hostile{}
	registry.start(b)
	gate, client := startChild(b, registry.host(0), hostileEnv+"=1"), newClient(b)
	for b.Loop() {
		full := 0.0
		for _, phase := range []struct {
			kind string
			pods int
		}{{"noted", 200}, {"tokens", 50}, {"limited", 12}, {"failing", 12}, {"listed", 4}, {"large", 4}} {
			var all load
			var turn counter
			all.run(phase.pods, 16, func() { send(b, client, gate.url, registry.pod(b, phase.kind, turn.next())) })
			now := gate.megabytes(b, "VmRSS")
			b.ReportMetric(now, phase.kind+"-MB")
			full = max(full, now)
		}
		b.ReportMetric(full, "full-MB")
		b.ReportMetric(gate.megabytes(b, "VmHWM"), "most-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// send sends a review, whatever is answered.
func send(b *testing.B, client *http.Client, url string, review []byte) {
	response, err := client.Post(url+"?timeout=10s", "application/json", bytes.NewReader(review))
	if err != nil {
		b.Error(err)
		return
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		b.Error(err)
	}
	_ = response.Body.Close() // it was read
}

// hostile is a registry at each address of 127.0.0.0/8.
type hostile struct {
	port  string
	large func() []byte
}

// start serves it over TLS.
func (h *hostile) start(b testing.TB) {
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		b.Fatal(err)
	}
	_, h.port, _ = net.SplitHostPort(listener.Addr().String())
	h.large = sync.OnceValue(func() []byte {
		return []byte(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[` +
			strings.TrimSuffix(strings.Repeat(`{},`, 1<<20), ",") + `]}`)
	})
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close() // ours takes its place
	server.Listener = listener
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	b.Cleanup(server.Close)
}

// host is one of its addresses.
func (h *hostile) host(n int) string {
	return fmt.Sprintf("127.%d.%d.1:%s", 1+n/256, n%256, h.port)
}

// pod is a review of a Pod with a hundred images, which has pull secrets and a
// ServiceAccount of its own. Some kinds have a registry for each image, or a
// repository.
func (h *hostile) pod(b testing.TB, kind, name string) []byte {
	const each, secrets = 100, 8
	pod := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.PodSpec{ServiceAccountName: kind + "-" + name}}
	turn, err := strconv.Atoi(name)
	if err != nil {
		b.Fatal(err)
	}
	for i := range secrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: fmt.Sprintf("%s-%s-%d", kind, name, i)})
	}
	for i := range each {
		host, repository, tag := h.host(0), strings.Repeat("/long", 25), fmt.Sprintf("%s-%d-%s", name, i, strings.Repeat("t", 100))
		switch kind {
		case "limited", "failing":
			host = h.host(turn*each + i)
		case "tokens":
			repository += tag
		}
		image := fmt.Sprintf("%s/%s%s:%s", host, kind, repository, tag)
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Image: image})
	}
	return review(b, "Pod", pod)
}

// ServeHTTP answers as large as is taken.
func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/token":
		name := map[string]string{http.MethodGet: "token", http.MethodPost: "access_token"}[r.Method]
		_ = json.NewEncoder(w).Encode(map[string]any{name: strings.Repeat("t", 16<<10-100), "expires_in": 3600}) // who went away needs none
	case strings.Contains(r.URL.Path, "/limited/"):
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	case strings.Contains(r.URL.Path, "/failing/"):
		http.Error(w, strings.Repeat("no ", 1<<20), http.StatusInternalServerError)
	case r.Header.Get("Authorization") == "":
		realm := fmt.Sprintf("https://%s/token", r.Host)
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service=%q`, realm, strings.Repeat("s", 8<<10-len(realm)-64)))
		w.WriteHeader(http.StatusUnauthorized)
	case strings.Contains(r.URL.Path, "/tags/list"):
		_, _ = w.Write([]byte(`{"tags":["` + strings.Repeat("t", 128) + strings.Repeat(`","`+strings.Repeat("t", 128), 30<<10) + `"]}`))
	case strings.Contains(r.URL.Path, "/manifests/") && !strings.Contains(r.URL.Path, "/listed/"):
		h.manifest(w, r)
	default:
		http.NotFound(w, r)
	}
}

// manifest is an index for some nodes, of a repository of its own, or one of four
// megabytes.
func (h *hostile) manifest(w http.ResponseWriter, r *http.Request) {
	repository, _, _ := strings.Cut(r.URL.Path, "/manifests/")
	child := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":"sha256:%064x","size":2},"layers":[]}`,
		ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, 1)
	missing := digest.FromString("missing")
	entry := func(architecture string, of digest.Digest) string {
		return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":"linux","architecture":%q}}`, ocispec.MediaTypeImageManifest, of, len(child), architecture)
	}
	body, mediaType := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s,%s],"annotations":{"repository":%q}}`,
		ocispec.MediaTypeImageIndex, entry("amd64", digest.FromBytes(child)), entry("arm64", missing), repository), ocispec.MediaTypeImageIndex
	switch {
	case strings.Contains(repository, "/large/"):
		body = h.large()
	case strings.HasSuffix(r.URL.Path, digest.FromBytes(child).String()):
		body, mediaType = child, ocispec.MediaTypeImageManifest
	case strings.HasSuffix(r.URL.Path, missing.String()):
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"` + strings.Repeat("gone ", 1<<10) + `"}]}`))
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha512:%x", sha512.Sum512(body)))
	if digested, err := digest.Parse(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]); err == nil {
		w.Header().Set("Docker-Content-Digest", digested.String())
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// someCRIO is a node with CRI-O.
func someCRIO() nodes.Node {
	return nodes.FromObject(&corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "crio", Labels: map[string]string{"kubernetes.io/os": "linux"}},
		Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", ContainerRuntimeVersion: "cri-o://1.34.0"}},
	})
}

// largeObjects is an API server with large pull secrets and ServiceAccounts, each
// with a password of its own.
type largeObjects struct {
	client.Reader
	host string
}

// Get makes an object of nearly the size up to which they are kept.
func (s largeObjects) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	const size = 30 << 10
	switch object := into.(type) {
	case *corev1.Secret:
		host := s.host
		if !strings.HasSuffix(key.Name, "-0") { // the kubelet tries what matches one after the other
			host = "elsewhere.test"
		}
		auth := base64.StdEncoding.EncodeToString([]byte("user:" + key.String()))
		object.Type = corev1.SecretTypeDockerConfigJson
		object.Data = map[string][]byte{
			corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, host, auth), "more": make([]byte, size),
		}
	case *corev1.ServiceAccount:
		object.Name, object.Namespace = key.Name, key.Namespace
		object.Annotations = map[string]string{"more": strings.Repeat("a", size)}
	}
	return nil
}
