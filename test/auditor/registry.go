// Package auditor tests the auditor of serve on a real API server, with a clock
// that is set by hand and a registry that counts.
package auditor

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// privately is the beginning of the repositories that want a password.
const privately = "/v2/private/"

// Registry is one whose images come and go, which can be down, and which notes
// when it was asked.
type Registry struct {
	// Host is what stands before the first slash of its images.
	Host string

	server  *httptest.Server
	content http.Handler
	now     func() time.Time

	mu       sync.Mutex
	password string
	realm    string
	down     bool
	held     chan struct{} // nil: nobody is
	asked    []time.Time
}

// NewRegistry runs a registry that goes by a clock.
func NewRegistry(now func() time.Time) *Registry {
	r := &Registry{content: fake.New(fake.Logger(log.New(io.Discard, "", 0))), now: now}
	r.server = httptest.NewServer(r)
	r.Host = r.server.Listener.Addr().String()
	return r
}

// Close ends it.
func (r *Registry) Close() { r.server.Close() }

// Ref is the reference of an image here.
func (r *Registry) Ref(image string) string { return r.Host + "/" + image }

// Password sets the one that private repositories want.
func (r *Registry) Password(password string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.password = password
}

// Realm has all who come without a token sent to a token server.
func (r *Registry) Realm(realm string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.realm = realm
}

// Hold keeps all who ask waiting, until it is told to let them go.
func (r *Registry) Hold() (release func()) {
	held := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = held
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		close(held)
		r.held = nil
	})
}

// Down hangs up on everybody from now on, or no more.
func (r *Registry) Down(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// Asked returns when it was asked.
func (r *Registry) Asked() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.asked...)
}

// ServeHTTP counts and answers.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.asked = append(r.asked, r.now())
	down, password, realm, held := r.down, r.password, r.realm, r.held
	r.mu.Unlock()
	if held != nil {
		<-held
	}
	if down {
		panic(http.ErrAbortHandler)
	}
	if realm != "" && !strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="registry",scope="repository:`+repository(req.URL.Path)+`:pull"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return
	}
	if req.URL.Path == tokenPath {
		_, _ = io.WriteString(w, `{"token":"t"}`) // whoever has gone away needs none
		return
	}
	if _, given, _ := req.BasicAuth(); strings.HasPrefix(req.URL.Path, privately) && given != password {
		w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return
	}
	r.content.ServeHTTP(w, req)
}

// tokenPath is where it gives tokens, for whatever registry.
const tokenPath = "/token"

// repository is the one that a path is of.
func repository(path string) string {
	of := strings.TrimPrefix(path, "/v2/")
	for _, part := range []string{"/manifests/", "/blobs/", "/tags/"} {
		of, _, _ = strings.Cut(of, part)
	}
	return of
}

// Push puts an image there, another one for each label, with these layers, and
// counts for nothing.
func (r *Registry) Push(image, label string, layers ...string) error {
	tag, err := name.NewTag(r.Ref(image), name.Insecure)
	if err != nil {
		return fmt.Errorf("push %s: %w", image, err)
	}
	made, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}, Config: v1.Config{Labels: map[string]string{"is": label}},
	})
	for _, layer := range layers {
		if err == nil {
			made, err = mutate.AppendLayers(made, static.NewLayer([]byte(layer), types.DockerLayer))
		}
	}
	if err == nil {
		err = remote.Write(tag, made, remote.WithTransport(inProcess{r.content}))
	}
	return err
}

// Delete removes a tag.
func (r *Registry) Delete(repository, tag string) int {
	answer := httptest.NewRecorder()
	r.content.ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodDelete, "/v2/"+repository+"/manifests/"+tag, http.NoBody))
	return answer.Code
}

// inProcess sends requests to a handler without a network.
type inProcess struct{ handler http.Handler }

// RoundTrip answers a request.
func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, req)
	response := answer.Result()
	response.Request = req
	return response, nil
}
