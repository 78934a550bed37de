package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxRemembered bounds what is kept of an answer that will be repeated.
const maxRemembered = 64 << 10

// exchange is what one check sent and got. containerd's library repeats a
// request that was answered 429, or 401 to the same credential, up to five
// times at once; the answer is then repeated from here, which leaves the
// library's verdict as it is, and the registry in peace.
type exchange struct {
	mu      sync.Mutex
	answers map[string]answer
	trouble []trouble
}

// answer is one that the same request would only be given again.
type answer struct {
	resp http.Response // its header is never changed
	body []byte
}

// response makes a response of it, to a request.
func (a answer) response(req *http.Request) *http.Response {
	again := a.resp
	again.Header, again.Request = a.resp.Header.Clone(), req
	again.Body = io.NopCloser(bytes.NewReader(a.body))
	return &again
}

// trouble is a question to which a host gave no answer about the image.
type trouble struct {
	question string
	err      error
}

// statusError is an answer that says nothing about the image.
type statusError struct {
	code         int
	host, status string
}

// Error names the host and the status.
func (e *statusError) Error() string { return e.host + " answered " + e.status }

// pageError is a web page where a registry's answer should be.
type pageError struct{ host string }

// Error names the host.
func (e *pageError) Error() string {
	return e.host + " answered with a web page: something other than a registry is there or in between"
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

// requestKey identifies a request that would be answered as it was before.
func requestKey(req *http.Request) string {
	return req.Method + " " + req.URL.String() + " " + req.Header.Get("Authorization")
}

// question identifies what is asked, be it by HTTPS or, where containerd falls
// back, by HTTP, and with whatever token.
func question(req *http.Request) string {
	return req.Method + " " + req.URL.Host + req.URL.RequestURI()
}

// repeat returns the answer that the same request had before, or nil.
func (e *exchange) repeat(req *http.Request) *http.Response {
	if e == nil || req.Body != nil && req.Body != http.NoBody {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	before, ok := e.answers[requestKey(req)]
	if !ok {
		return nil
	}
	return before.response(req)
}

// remember takes note of an answer, and keeps one that would only be given
// again.
func (e *exchange) remember(req *http.Request, resp *http.Response) error {
	if e == nil {
		return nil
	}
	e.settled(req)
	code := resp.StatusCode
	switch {
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		e.note(req, &statusError{code: code, host: req.URL.Host, status: resp.Status})
	case code < http.StatusMultipleChoices && isPage(resp):
		e.note(req, &pageError{req.URL.Host})
	}
	refused := code == http.StatusUnauthorized && req.Header.Get("Authorization") != ""
	if code != http.StatusTooManyRequests && !refused {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRemembered))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	kept := answer{resp: *resp, body: body}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answers[requestKey(req)] = kept
	return nil
}

func isPage(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
}

// failed notes that no answer came.
func (e *exchange) failed(req *http.Request, err error) {
	if e != nil {
		e.note(req, &url.Error{Op: req.Method, URL: req.URL.String(), Err: err})
	}
}

// note notes that a host gave no answer about the image.
func (e *exchange) note(req *http.Request, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trouble = append(e.trouble, trouble{question(req), err})
}

// settled notes that a question was answered: asked again, or by HTTP after
// HTTPS, which containerd tries first on loopback addresses.
func (e *exchange) settled(req *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	asked := question(req)
	e.trouble = slices.DeleteFunc(e.trouble, func(t trouble) bool { return t.question == asked })
}

// firstTrouble returns what failed first and stayed without an answer, nil if
// nothing did.
func (e *exchange) firstTrouble() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.trouble) == 0 {
		return nil
	}
	return e.trouble[0].err
}
