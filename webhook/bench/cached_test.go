package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cached is a handler and a review whose images it knows.
type cached struct {
	handler http.Handler
	review  []byte
}

// warm has the images asked about until all are known: under Valgrind the first
// handshakes with the registry can take longer than a review may.
func (c cached) warm(b testing.TB) {
	const tries = 20
	var code int
	var text []byte
	for range tries {
		if code, text = c.ask(); letsIn(code, text) {
			return
		}
	}
	b.Fatalf("%d: %s", code, text)
}

// answer answers the review once, without a connection.
func (c cached) answer(b testing.TB) {
	if code, text := c.ask(); !letsIn(code, text) {
		b.Fatalf("%d: %s", code, text)
	}
}

// letsIn tells whether an answer lets in without a word.
func letsIn(code int, text []byte) bool {
	return code == http.StatusOK && bytes.Contains(text, []byte(`"allowed":true`)) && !bytes.Contains(text, []byte("warnings"))
}

func (c cached) ask() (code int, text []byte) {
	recorder, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/validate?timeout=10s", bytes.NewReader(c.review))
	request.Header.Set("Content-Type", "application/json")
	c.handler.ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.Bytes()
}

// cachedReview is of what has so many images of the registry at host, which
// wants a password for them: a Deployment as kubectl applies it where it is one,
// else a Pod.
func cachedReview(b testing.TB, host string, n int) []byte {
	if n == 1 {
		return deployment(b, host+"/private/app:1")
	}
	spec := podSpec(host + "/private/app:1")
	first := spec.Containers[0]
	spec.Containers = nil
	for i := range n {
		first.Name, first.Image = fmt.Sprint("c", i), fmt.Sprintf("%s/private/app-%d:1", host, i)
		spec.Containers = append(spec.Containers, first)
	}
	return review(b, "Pod", corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec})
}

// BenchmarkCached answers for images that are known, without connections.
func BenchmarkCached(b *testing.B) {
	images := &images{}
	host := images.start(b)
	gate := gate(b, host)
	for _, n := range []int{1, 20} {
		for of, handler := range map[string]http.Handler{"gate": gate, "allow": allow()} {
			b.Run(fmt.Sprintf("images=%d/%s", n, of), func(b *testing.B) {
				c := cached{handler, cachedReview(b, host, n)}
				c.warm(b)
				b.ReportAllocs()
				for b.Loop() {
					c.answer(b)
				}
			})
		}
	}
}
