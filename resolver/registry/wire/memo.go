package wire

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
	"time"
)

// maxRemembered bounds what is kept of an answer that will be repeated.
const maxRemembered = 64 << 10

// Memo is what one check sent and got. containerd's library repeats a
// request that was answered 429, or 401 to the same credential, up to five
// times at once; the answer is then repeated from here, which leaves the
// library's verdict as it is, and the registry in peace.
type Memo struct {
	mu         sync.Mutex
	answers    map[string]answer
	unanswered []unanswered
	shown      bool
	secrets    []string
	sizes      map[string]int64 // of blobs, by their digests
	after      time.Duration
	asked      string
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

// unanswered is a question to which a host gave no answer about the image.
type unanswered struct {
	question string
	err      error
}

// StatusError is an answer that says nothing about the image.
type StatusError struct {
	Code         int
	Host, Status string
}

// Error names the host and the status.
func (e *StatusError) Error() string { return e.Host + " answered " + e.Status }

// PageError is a web page where a registry's answer should be.
type PageError struct{ Host string }

// Error names the host.
func (e *PageError) Error() string {
	return e.Host + " answered with a web page: something other than a registry is there or in between"
}

type memoKey struct{}

// WithMemo starts the memory of one check.
func WithMemo(ctx context.Context) (context.Context, *Memo) {
	seen := &Memo{answers: map[string]answer{}}
	return context.WithValue(ctx, memoKey{}, seen), seen
}

// memoOf returns the check's memory; nil, which is usable, outside one.
func memoOf(ctx context.Context) *Memo {
	seen, _ := ctx.Value(memoKey{}).(*Memo)
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

type afreshKey struct{}

// Afresh has the requests of a context answered by whom they are for, be it that
// they were before.
func Afresh(ctx context.Context) context.Context { return context.WithValue(ctx, afreshKey{}, true) }

// repeat returns the answer that the same request had before, or nil.
func (m *Memo) repeat(req *http.Request) *http.Response {
	if m == nil || req.Context().Value(afreshKey{}) != nil || req.Body != nil && req.Body != http.NoBody {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.answers) == 0 {
		return nil // as nearly always: a key may be as long as a challenge and a token
	}
	before, ok := m.answers[requestKey(req)]
	if !ok {
		return nil
	}
	return before.response(req)
}

// remember takes note of an answer, and keeps one that would only be given
// again.
func (m *Memo) remember(req *http.Request, resp *http.Response) error {
	if m == nil {
		return nil
	}
	m.settled(req)
	m.size(req, resp)
	code := resp.StatusCode
	if code == http.StatusUnauthorized {
		m.challenged(resp)
	}
	if code == http.StatusTooManyRequests {
		m.limited(resp)
	}
	switch {
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		m.note(req, &StatusError{Code: code, Host: req.URL.Host, Status: resp.Status})
	case code < http.StatusMultipleChoices && isPage(resp):
		m.note(req, &PageError{req.URL.Host})
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
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[requestKey(req)] = kept
	return nil
}

func isPage(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
}

// sends takes note of what is shown: a password or what was got for it.
func (m *Memo) sends(req *http.Request) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shown = m.shown || req.Method == http.MethodPost || req.Header.Get("Authorization") != ""
	for _, secret := range secretsOf(req) {
		if !slices.Contains(m.secrets, secret) {
			m.secrets = append(m.secrets, secret)
		}
	}
}

// Secrets are tokens and other values that registries were sent, and may repeat.
func (m *Memo) Secrets() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.secrets)
}

// Shown tells whether anything was shown to anybody.
func (m *Memo) Shown() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shown
}

// challenged takes note of what a registry asks for.
func (m *Memo) challenged(resp *http.Response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = "; it asks for nothing that nodes could send"
	if scheme, _, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " "); scheme != "" && len(scheme) < 30 {
		m.asked = "; it asks for " + scheme
	}
}

// limited takes note of when a registry may be asked again.
func (m *Memo) limited(resp *http.Response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = max(m.after, retryAfter(resp.Header))
}

// RetryAfter is how long the registries that answered 429 want to be left alone,
// up to a day; 0: none said.
func (m *Memo) RetryAfter() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.after
}

// Asked says for what a registry asked last, as the end of a sentence.
func (m *Memo) Asked() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// failed notes that no answer came.
func (m *Memo) failed(req *http.Request, err error) {
	if m != nil {
		m.note(req, &url.Error{Op: req.Method, URL: req.URL.String(), Err: err})
	}
}

// note notes that a host gave no answer about the image.
func (m *Memo) note(req *http.Request, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unanswered = append(m.unanswered, unanswered{question(req), err})
}

// settled notes that a question was answered: asked again, or by HTTP after
// HTTPS, which containerd tries first on loopback addresses.
func (m *Memo) settled(req *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.unanswered) == 0 {
		return
	}
	asked := question(req)
	m.unanswered = slices.DeleteFunc(m.unanswered, func(t unanswered) bool { return t.question == asked })
}

// FirstUnanswered returns what failed first and stayed without an answer, nil if
// nothing did.
func (m *Memo) FirstUnanswered() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.unanswered) == 0 {
		return nil
	}
	return m.unanswered[0].err
}
