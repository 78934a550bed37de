package ground

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// Registry has one image, by every tag that begins with good, and no other.
type Registry struct {
	// Host is what stands before the first slash of its images.
	Host string
	// CA signed its certificate, in PEM.
	CA []byte

	delay  atomic.Int64
	server *http.Server
}

const (
	image   = "shop/web"
	private = "shop/private"
)

// tags is how many different good ones are asked for.
const tags = 200

// Good is the reference of an image that is there; in time they come again.
func (r *Registry) Good(n int) string { return fmt.Sprintf("%s/%s:good-%d", r.Host, image, n%tags) }

// Bad is the reference of one that is not there.
func (r *Registry) Bad(n int) string { return fmt.Sprintf("%s/%s:bad-%d", r.Host, image, n) }

// At is the reference of an image by another name of the registry's, which is
// there if its tag is good.
func At(host, tag string) string {
	repository := image
	if host == Private {
		repository = private
	}
	return host + "/" + repository + ":" + tag
}

// Slow has every request take that much longer from now on.
func (r *Registry) Slow(by time.Duration) { r.delay.Store(int64(by)) }

func startRegistry(ctx context.Context) (*Registry, error) {
	authority, err := pki.NewAuthority("registry")
	if err != nil {
		return nil, err
	}
	pair, err := authority.Server(Address)
	if err != nil {
		return nil, err
	}
	certificate, err := pair.TLS()
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(Address, "0"))
	if err != nil {
		return nil, fmt.Errorf("listen for the registry: %w", err)
	}
	quiet := log.New(io.Discard, "", 0)
	content := registry.New(registry.Logger(quiet))
	r := &Registry{Host: listener.Addr().String(), CA: authority.PEM}
	if err := r.fill(content); err != nil {
		return nil, fmt.Errorf("fill the registry: %w", err)
	}
	r.server = &http.Server{Handler: r.serve(content), ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	secured := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	go func() { _ = r.server.Serve(secured) }() // it always ends with an error, at the latest by close
	return r, nil
}

// serve lets every good tag lead to the one image, and whoever has the Node's
// credential to the same in a repository that is private.
func (r *Registry) serve(content http.Handler) http.Handler {
	const manifests = "/v2/" + image + "/manifests/"
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		select {
		case <-time.After(time.Duration(r.delay.Load())):
		case <-request.Context().Done():
			return
		}
		if rest, ok := strings.CutPrefix(request.URL.Path, "/v2/"+private+"/"); ok {
			if name, password, _ := request.BasicAuth(); name != user || password != Marker {
				w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
				http.Error(w, `{"errors": [{"code": "UNAUTHORIZED"}]}`, http.StatusUnauthorized)
				return
			}
			request.URL.Path = "/v2/" + image + "/" + rest
		}
		if strings.HasPrefix(request.URL.Path, manifests+"good-") {
			request.URL.Path = manifests + "good"
		}
		content.ServeHTTP(w, request)
	})
}

func (r *Registry) fill(content http.Handler) error {
	config, err := empty.Image.ConfigFile()
	if err != nil {
		return err
	}
	config.OS, config.Architecture = "linux", "amd64"
	picture, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(r.Host + "/" + image + ":good")
	if err != nil {
		return err
	}
	return remote.Write(tag, picture, remote.WithTransport(inProcess{content}))
}

// inProcess sends requests to a handler without a network.
type inProcess struct{ handler http.Handler }

// RoundTrip answers a request.
func (p inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(context.WithoutCancel(request.Context()))
	if request.Body == nil {
		request.Body = io.NopCloser(&bytes.Buffer{})
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Request = request
	return response, nil
}

func (r *Registry) close() error { return r.server.Close() }
