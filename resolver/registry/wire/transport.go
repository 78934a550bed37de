package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pullgate/pullgate/resolver/toll"
)

// maxChallenge bounds what a registry demands, which is kept, too. Nobody is
// known to send more than 1 KiB.
const maxChallenge = 8 << 10

var (
	// ErrBodyTooLarge is what reading past the limit of a body gives.
	ErrBodyTooLarge = errors.New("the answer is larger than any such answer should be")
	// ErrEncoding is what an answer in a coding that was not offered gives.
	ErrEncoding = errors.New("the answer is compressed with zstd, which was not offered")
	// ErrChallengeTooLarge is what a demand for credentials past the limit gives.
	ErrChallengeTooLarge = errors.New("the challenge is larger than any challenge should be")
	// ErrTokenTooLarge is what a token past the limit gives.
	ErrTokenTooLarge = errors.New("the token is larger than any token should be")
)

// NoURLError is that a registry sends us to what is no place, such as a token
// server's that nobody filled in.
type NoURLError struct{ Address string }

// Error shows it.
func (e *NoURLError) Error() string {
	return fmt.Sprintf("the registry names %q to log in or to go on, which is no address", e.Address)
}

// Observer is told of each request that went to a registry or token server;
// code is 0 where no answer came.
type Observer func(host, method string, code int, took time.Duration)

// transport counts, bounds and remembers what a check exchanges.
type transport struct {
	base    http.RoundTripper
	link    *link
	observe Observer
	pauses  *pauses
}

// RoundTrip sends a request, unless the check had its answer already.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	seen := memoOf(req.Context())
	if resp := seen.repeat(req); resp != nil {
		return resp, nil
	}
	seen.sends(req)
	resp, err := t.send(req)
	if err != nil {
		seen.failed(req, err)
		return nil, err
	}
	resp.Body = limit(req, resp.Body, ErrBodyTooLarge)
	if err := seen.remember(req, resp); err != nil {
		seen.failed(req, err)
		return nil, err
	}
	return resp, nil
}

// send sends a request where it may go.
func (t *transport) send(req *http.Request) (*http.Response, error) {
	sent, err := t.link.check(withoutZstd(req))
	if err == nil && (req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https") {
		err = &NoURLError{Address: req.URL.String()}
	}
	if len(req.Header.Get("Authorization")) > len("Bearer ")+maxToken {
		err = ErrTokenTooLarge
	}
	if err != nil {
		if req.Body != nil {
			err = errors.Join(err, req.Body.Close())
		}
		return nil, err
	}
	resp, err := t.pauses.ask(req, func() (*http.Response, error) { return t.exchange(req, sent) })
	if err != nil {
		return nil, err
	}
	if coding := resp.Header.Get("Content-Encoding"); strings.Contains(strings.ToLower(coding), "zstd") {
		return nil, errors.Join(ErrEncoding, resp.Body.Close())
	}
	if size := challengeSize(resp.Header); size > maxChallenge {
		return nil, errors.Join(ErrChallengeTooLarge, resp.Body.Close())
	}
	return resp, nil
}

// exchange sends what a request has become, and tells of it.
func (t *transport) exchange(req, sent *http.Request) (*http.Response, error) {
	if err := toll.Leave(req.Context(), req.URL.Host); err != nil {
		if sent.Body != nil {
			err = errors.Join(err, sent.Body.Close())
		}
		return nil, err
	}
	start, code := time.Now(), 0
	resp, err := t.over(req).RoundTrip(sent)
	if err == nil {
		code = resp.StatusCode
	}
	t.observe(req.URL.Host, req.Method, code, time.Since(start))
	return resp, err
}

type aloneKey struct{}

// Alone has the requests of a context sent over connections of their own: over
// those that are kept, the same faulty machine may answer again.
func Alone(ctx context.Context) context.Context { return context.WithValue(ctx, aloneKey{}, true) }

// over is what a request goes over.
func (t *transport) over(req *http.Request) http.RoundTripper {
	shared, ok := t.base.(*http.Transport)
	if !ok || req.Context().Value(aloneKey{}) == nil {
		return t.base
	}
	alone := shared.Clone()
	alone.DisableKeepAlives = true
	return alone
}

// challengeSize is what a demand for credentials takes.
func challengeSize(header http.Header) (size int) {
	for _, line := range header.Values("WWW-Authenticate") {
		size += len(line)
	}
	return size
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
