package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// tenants have a namespace and a pull secret each, and each so many Pods of
	// two images: a thousand images.
	tenants = 50
	pods    = 10
	perPod  = 2
	// secretAge is how old a pull secret may be on which a pass depends.
	secretAge = 15 * time.Second
)

// TestNamespacesAskOnce: what fifty namespaces cost their registry and their API
// server, when all ask at once for the first time, and when they ask again.
func TestNamespacesAskOnce(t *testing.T) {
	all := newEstate(t)
	all.admit(t)
	if got, want := all.registry.take(), estateRequests(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v at first, want %v: of each image its challenge, a token, HEAD and GET", got, want)
	}
	all.admit(t)
	if got := all.registry.take(); len(got) != 0 {
		t.Errorf("%v of what is known", got)
	}
	for secret, reads := range all.secrets.reads {
		for i, read := range reads[1:] {
			if apart := read.Sub(reads[i]); apart < secretAge {
				t.Errorf("%s was read again after %s, want %s at least", secret, apart, secretAge)
			}
		}
	}
	if len(all.secrets.reads) != tenants {
		t.Errorf("%d secrets were read, want %d", len(all.secrets.reads), tenants)
	}
}

// BenchmarkNamespaces counts the same.
func BenchmarkNamespaces(b *testing.B) {
	for b.Loop() {
		all := newEstate(b)
		all.admit(b)
		cold := total(all.registry.take())
		all.admit(b)
		const images = tenants * pods * perPod
		b.ReportMetric(float64(cold)/images, "cold-req/image")
		b.ReportMetric(float64(total(all.registry.take()))/images, "warm-req/image")
		reads := 0
		for _, one := range all.secrets.reads {
			reads += len(one)
		}
		b.ReportMetric(float64(reads)/tenants, "secret-reads")
	}
	b.ReportMetric(0, "ns/op")
}

func total(requests map[string]int) (sum int) {
	for _, n := range requests {
		sum += n
	}
	return sum
}

// estateRequests are what the images of all tenants take, by method and what came
// of it.
func estateRequests() map[string]int {
	const images = tenants * pods * perPod
	return map[string]int{"HEAD 401": images, "POST 200": images, "HEAD 200": images, "GET 200": images}
}

// estate is a Pullgate before many tenants.
type estate struct {
	gate     http.Handler
	registry *guarded
	secrets  *ownSecrets
	reviews  [][]byte
}

func newEstate(t testing.TB) *estate {
	registry := &guarded{}
	host := start(t, registry)
	secrets := &ownSecrets{host: host, reads: map[string][]time.Time{}}
	all := &estate{gate: gateOf(t, secrets, someNodes(100)), registry: registry, secrets: secrets}
	for tenant := range int64(tenants) {
		for pod := range pods {
			spec := corev1.PodSpec{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "regcred"}}}
			for i := range perPod {
				spec.Containers = append(spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Image: fmt.Sprintf("%s/shop-%d/app-%d-%d:1", host, tenant, pod, i)})
			}
			text := review(t, "Pod", corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec})
			all.reviews = append(all.reviews, inNamespace(text, tenant))
		}
	}
	return all
}

// admit has all Pods let in, 16 at a time.
func (e *estate) admit(t testing.TB) {
	var all load
	var turn counter
	all.run(len(e.reviews), 16, func() {
		answer, text := httptest.NewRecorder(), e.reviews[turn.Add(1)-1]
		e.gate.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/validate?timeout=10s", bytes.NewReader(text)))
		if got := answer.Body.String(); !strings.Contains(got, `"allowed":true`) || strings.Contains(got, "warnings") {
			t.Errorf("not let in without a word: %s", got)
		}
	})
}

// guarded is a registry that gives the images of a namespace to the holder of its
// password alone, for a token, and counts what it is asked.
type guarded struct {
	images images
	mu     sync.Mutex
	asked  map[string]int
}

// take returns the counts, and forgets them.
func (g *guarded) take() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := g.asked
	g.asked = nil
	return asked
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &statusWriter{ResponseWriter: w, code: http.StatusOK}
	g.answer(answer, r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.asked == nil {
		g.asked = map[string]int{}
	}
	g.asked[fmt.Sprint(r.Method, " ", answer.code)]++
}

func (g *guarded) answer(w http.ResponseWriter, r *http.Request) {
	owner, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	switch {
	case r.URL.Path == "/token":
		repository, _, _ := strings.Cut(strings.TrimPrefix(r.FormValue("scope"), "repository:"), ":")
		if owner, _, _ = strings.Cut(repository, "/"); r.FormValue("password") != "of "+owner {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"for `+repository+`","expires_in":300}`) // who went away needs none
	case r.Header.Get("Authorization") == "":
		repository, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/")
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="https://%s/token",service="images",scope="repository:%s:pull"`, r.Host, repository))
		w.WriteHeader(http.StatusUnauthorized)
	case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer for "+owner+"/"):
		g.images.ServeHTTP(w, r)
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (s *statusWriter) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// ownSecrets is an API server with a pull secret of its own for each namespace,
// that knows when it was read.
type ownSecrets struct {
	client.Reader
	host  string
	mu    sync.Mutex
	reads map[string][]time.Time
}

func (s *ownSecrets) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	secret, ok := into.(*corev1.Secret)
	if !ok {
		return nil // an account without secrets
	}
	s.mu.Lock()
	s.reads[key.String()] = append(s.reads[key.String()], time.Now())
	s.mu.Unlock()
	time.Sleep(5 * time.Millisecond) // as far as API servers are
	auth := base64.StdEncoding.EncodeToString([]byte("user:of " + key.Namespace))
	secret.Type = corev1.SecretTypeDockerConfigJson
	secret.Data = map[string][]byte{corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, s.host, auth)}
	return nil
}
