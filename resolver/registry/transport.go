package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	// maxBody bounds what is read of one answer: twice the largest manifest
	// that containerd takes.
	maxBody = 8 << 20
	// maxToken bounds the answer of a token server. The library keeps the
	// token for as long as the hosts are kept.
	maxToken = 64 << 10
	// maxHeader bounds the header of one answer, parts of which are kept, too.
	maxHeader = 64 << 10
)

// errBodyTooLarge is what reading past the limit of a body gives.
var errBodyTooLarge = errors.New("the answer is larger than any such answer should be")

// errEncoding is what an answer in a coding that was not offered gives.
var errEncoding = errors.New("the answer is compressed with zstd, which was not offered")

// Observer is told of each request that went to a registry or token server;
// code is 0 where no answer came.
type Observer func(host, method string, code int, took time.Duration)

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
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
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
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        settings,
		ExpectContinueTimeout:  5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// transport counts, bounds and remembers what a check exchanges.
type transport struct {
	base    http.RoundTripper
	link    *link
	observe Observer
}

// RoundTrip sends a request, unless the check had its answer already.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	seen := exchangeOf(req.Context())
	if resp := seen.repeat(req); resp != nil {
		return resp, nil
	}
	resp, err := t.send(req)
	if err != nil {
		seen.failed(req, err)
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: limitOf(req)}
	if err := seen.remember(req, resp); err != nil {
		seen.failed(req, err)
		return nil, err
	}
	return resp, nil
}

// send sends a request where it may go.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	sent, err := t.link.check(withoutZstd(req))
	if err != nil {
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, err
	}
	start := time.Now()
	resp, err := t.base.RoundTrip(sent)
	if err != nil {
		t.observe(req.URL.Host, req.Method, 0, time.Since(start))
		return nil, err
	}
	t.observe(req.URL.Host, req.Method, resp.StatusCode, time.Since(start))
	if coding := resp.Header.Get("Content-Encoding"); strings.Contains(strings.ToLower(coding), "zstd") {
		return nil, errors.Join(errEncoding, resp.Body.Close())
	}
	return resp, nil
}

// withoutZstd does not offer zstd, as the library does for what it fetches:
// its decoder would set aside as much memory as the answer says.
func withoutZstd(req *http.Request) *http.Request {
	offered := req.Header.Get("Accept-Encoding")
	if !strings.Contains(offered, "zstd") {
		return req
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "gzip;q=0.8, deflate;q=0.5")
	return req
}

// limitOf tells a registry's answers from those of a token server.
func limitOf(req *http.Request) int64 {
	for req.Response != nil { // redirected: what was asked for at first counts
		req = req.Response.Request
	}
	if isContent(req.URL) {
		return maxBody
	}
	return maxToken
}

// isContent tells a registry's URLs from those of a token service.
func isContent(u *url.URL) bool {
	return slices.ContainsFunc([]string{"/manifests/", "/blobs/", "/tags/"}, func(part string) bool {
		return strings.Contains(u.Path, part)
	})
}

// limitedBody fails a body that is longer than it should ever be.
type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read reads up to the limit.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBodyTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
