package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// Request is one that a registry has had.
type Request struct{ Method, Path string }

// Registry is a running registry.
type Registry struct {
	// Host is what stands before the first slash of its images.
	Host string

	server  *http.Server
	latency time.Duration
	handler http.Handler
	end     func() error

	mu       sync.Mutex
	requests []Request
}

// Ref is the reference of an image here: Ref("shop/web:1.29").
func (r *Registry) Ref(name string) string { return r.Host + "/" + name }

// Requests are those had so far, in their order.
func (r *Registry) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Count is how many requests had this method (empty: any) and a path that
// starts so.
func (r *Registry) Count(method, prefix string) int {
	count := 0
	for _, request := range r.Requests() {
		if (method == "" || method == request.Method) && strings.HasPrefix(request.Path, prefix) {
			count++
		}
	}
	return count
}

// ServeHTTP counts the request, waits as long as the network would, and lets
// the registry answer.
func (r *Registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, Request{Method: request.Method, Path: request.URL.Path})
	r.mu.Unlock()
	if r.latency > 0 {
		select {
		case <-time.After(r.latency):
		case <-request.Context().Done():
			return
		}
	}
	r.handler.ServeHTTP(w, request)
}

// listen takes an address for a registry; what it serves is given to serve,
// because the token registry must know its own address first.
func listen(ctx context.Context, options Options, address string) (*Registry, net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("listen for a registry: %w", err)
	}
	return &Registry{Host: listener.Addr().String(), latency: options.Latency}, listener, nil
}

// serve answers on the listener; with an authority over TLS.
func (r *Registry) serve(listener net.Listener, handler http.Handler, authority *pki.Authority) error {
	if authority != nil {
		pair, err := authority.Server("127.0.0.1", "localhost")
		if err != nil {
			return err
		}
		certificate, err := pair.TLS()
		if err != nil {
			return err
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		listener = tls.NewListener(listener, config)
	}
	r.handler = handler
	// A TLS handshake with a plain server, which is how containerd finds out,
	// and a client that hangs up are no news.
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(listener) }() // it always ends with an error, at the latest by close
	return nil
}

func (r *Registry) close() error {
	var err error
	if r.server != nil {
		err = r.server.Close()
	}
	if r.end != nil {
		err = errors.Join(err, r.end())
	}
	return err
}

// inProcess sends requests to a handler without a network, so that filling a
// registry is quick, counts as no request, and needs no certificate.
type inProcess struct {
	handler http.Handler
	// header is set on every request.
	header http.Header
}

// RoundTrip answers a request.
func (p inProcess) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(context.WithoutCancel(request.Context()))
	if request.Body == nil {
		request.Body = http.NoBody
	}
	for name, values := range p.header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Request = request
	return response, nil
}
