package registry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	// maxBody bounds what is read of one answer: twice the largest manifest
	// that containerd takes.
	maxBody = 8 << 20
	// maxHeader bounds the header of one answer.
	maxHeader = 256 << 10
	// maxRemembered bounds what is kept of an answer that will be repeated.
	maxRemembered = 64 << 10
)

// errBodyTooLarge is what reading past maxBody gives.
var errBodyTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxBody)

// Observer is told of each request that went to a registry or token server;
// code is 0 where no answer came.
type Observer func(host, method string, code int, took time.Duration)

// dialer returns a DialContext that asks the guard, but for the proxies that
// the operator configured in the environment.
func dialer(guard Guard) func(ctx context.Context, network, address string) (net.Conn, error) {
	guarded := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second, Control: guard.control}
	plain := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	proxies := proxyAddresses()
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if slices.Contains(proxies, address) {
			return plain.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

// proxyAddresses lists host:port of the environment's proxies.
func proxyAddresses() []string {
	env := httpproxy.FromEnvironment()
	var addresses []string
	for _, proxy := range []string{env.HTTPProxy, env.HTTPSProxy} {
		if proxy == "" {
			continue
		}
		if !strings.Contains(proxy, "://") {
			proxy = "http://" + proxy
		}
		u, err := url.Parse(proxy)
		if err != nil {
			continue
		}
		port := u.Port()
		if port == "" {
			port = map[string]string{"https": "443", "socks5": "1080"}[u.Scheme]
		}
		if port == "" {
			port = "80"
		}
		addresses = append(addresses, net.JoinHostPort(u.Hostname(), port))
	}
	return addresses
}

// baseTransport is containerd's DefaultHTTPTransport
// (core/remotes/docker/registry.go) behind our dialer and limits.
func baseTransport(guard Guard, config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer(guard),
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        config,
		ExpectContinueTimeout:  5 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// transport counts, bounds and remembers what a check exchanges.
type transport struct {
	base    http.RoundTripper
	guard   Guard
	observe Observer
}

// RoundTrip sends a request, unless the check had its answer already.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	seen := exchangeOf(req.Context())
	if resp := seen.repeat(req); resp != nil {
		return resp, nil
	}
	if err := t.checkLiteral(req.URL); err != nil {
		return nil, err
	}
	start := time.Now()
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		t.observe(req.URL.Host, req.Method, 0, time.Since(start))
		seen.failed(err)
		return nil, err
	}
	t.observe(req.URL.Host, req.Method, resp.StatusCode, time.Since(start))
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxBody}
	return resp, seen.remember(req, resp)
}

// checkLiteral asks the guard about a URL that names an address: behind a
// proxy the dialer would not see it.
func (t *transport) checkLiteral(u *url.URL) error {
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil // a name: the dialer will see its addresses
	}
	return t.guard.check(addr)
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

// exchange is what one check sent and got. containerd's library repeats a
// request that was answered 429, or 401 to the same credential, up to five
// times at once; the answer is then repeated from here, which leaves the
// library's verdict as it is, and the registry in peace.
type exchange struct {
	mu      sync.Mutex
	answers map[string]answer
	trouble error
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

type exchangeKey struct{}

// withExchange starts the memory of one check.
func withExchange(ctx context.Context) (context.Context, *exchange) {
	seen := &exchange{answers: map[string]answer{}}
	return context.WithValue(ctx, exchangeKey{}, seen), seen
}

// exchangeOf returns the check's memory; nil, which is usable, outside one.
func exchangeOf(ctx context.Context) *exchange {
	seen, _ := ctx.Value(exchangeKey{}).(*exchange)
	return seen
}

func requestKey(req *http.Request) string {
	return req.Method + " " + req.URL.String() + " " + req.Header.Get("Authorization")
}

// repeat returns the answer that the same request had before, or nil.
func (e *exchange) repeat(req *http.Request) *http.Response {
	if e == nil || req.Body != nil && req.Body != http.NoBody {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.answers[requestKey(req)]
	if !ok {
		return nil
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header.Clone(), Body: io.NopCloser(bytes.NewReader(a.body)),
		ContentLength: int64(len(a.body)), Request: req,
	}
}

// remember keeps an answer that would only be given again.
func (e *exchange) remember(req *http.Request, resp *http.Response) error {
	if e == nil {
		return nil
	}
	code := resp.StatusCode
	if code == http.StatusTooManyRequests || code >= 500 {
		e.failed(fmt.Errorf("%s answered %d", req.URL.Host, code))
	}
	refused := code == http.StatusUnauthorized && req.Header.Get("Authorization") != ""
	if code != http.StatusTooManyRequests && !refused {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRemembered))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[requestKey(req)] = answer{status: code, header: resp.Header.Clone(), body: body}
	return nil
}

// failed notes that a host gave no answer about the image. That a host speaks
// HTTP where HTTPS was tried first is no failure: containerd then uses HTTP.
func (e *exchange) failed(err error) {
	var record tls.RecordHeaderError
	speaksHTTP := errors.As(err, &record) && string(record.RecordHeader[:]) == "HTTP/"
	if e == nil || speaksHTTP {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.trouble == nil {
		e.trouble = err
	}
}

// firstTrouble returns what failed first, nil if nothing did.
func (e *exchange) firstTrouble() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trouble
}
