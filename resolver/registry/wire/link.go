package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// maxHeader bounds the header of one answer, parts of which are kept.
const maxHeader = 64 << 10

// link is the way to the registries: past the guard, and through the proxies
// of the environment.
type link struct {
	guard Guard
	proxy func(*url.URL) (*url.URL, error)
}

// newLink reads the environment's proxies, as containerd does by way of
// http.ProxyFromEnvironment.
func newLink(guard Guard) *link {
	return &link{guard: guard, proxy: httpproxy.FromEnvironment().ProxyFunc()}
}

// proxiedKey marks the context of a request that goes through a proxy.
type proxiedKey struct{}

// check asks the guard about a URL and marks the request if it goes through a
// proxy: then the dialer sees the proxy's address only, which the operator
// chose, and all that can be checked is what the URL names.
func (l *link) check(req *http.Request) (*http.Request, error) {
	if err := l.guard.checkName(req.URL.Hostname()); err != nil {
		return nil, err
	}
	proxy, err := l.proxy(req.URL)
	if err != nil {
		return nil, fmt.Errorf("proxy for %s: %w", req.URL.Host, err)
	}
	if proxy == nil {
		return req, nil
	}
	if err := l.guard.checkProxied(req.URL.Hostname()); err != nil {
		return nil, err
	}
	return req.WithContext(context.WithValue(req.Context(), proxiedKey{}, true)), nil
}

// dial asks the guard, unless it dials a proxy.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, Resolver: l.guard.Names}
	if ctx.Value(proxiedKey{}) == nil {
		dialer.Control = l.guard.control
	}
	return dialer.DialContext(ctx, network, address)
}

// transport is containerd's DefaultHTTPTransport
// (core/remotes/docker/registry.go) over the link and within limits.
func (l *link) transport(settings *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  func(req *http.Request) (*url.URL, error) { return l.proxy(req.URL) },
		DialContext:            l.dial,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64, // as many as are used at a time: else every Pod of many images shakes hands anew
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        settings,
		ExpectContinueTimeout:  5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// Guarded is a way to hosts that are no registries, but have a part of an image's
// name: past the guard, and through the proxies of the environment.
func Guarded(guard Guard) http.RoundTripper {
	l := newLink(guard)
	return &guarded{link: l, base: l.transport(nil)}
}

// guarded asks the guard about each request.
type guarded struct {
	link *link
	base http.RoundTripper
}

// RoundTrip sends a request where it may go.
func (g *guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	sent, err := g.link.check(req)
	if err != nil {
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, err
	}
	return g.base.RoundTrip(sent)
}
