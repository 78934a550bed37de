package crio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/distribution/reference"
	"go.podman.io/image/v5/manifest"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

const (
	// maxManifest and maxConfig are the largest that are read
	// (internal/iolimits/iolimits.go).
	maxManifest = 4 << 20
	maxConfig   = 4 << 20
	// maxWords bounds what is read of a refusal, and of a token server's answer.
	// maxApology bounds it where the status alone counts, and the rest is for people.
	maxWords   = 1 << 20
	maxApology = 16 << 10
	// leastLife is for how long a token is used at least (docker/docker_client.go,
	// minimumTokenLifetimeSeconds).
	leastLife = time.Minute
	// maxTokens is how many tokens a session keeps: registries choose for what else
	// one is asked for.
	maxTokens = 4
)

// Endpoint is one way to a registry.
type Endpoint struct {
	Scheme, Host string
	Client       *http.Client
}

// Source is one place where CRI-O looks for an image: a mirror of registries.conf,
// or the registry.
type Source struct {
	// Image is how it is called there.
	Image reference.Named
	// Credential is shown there; the zero value: none.
	Credential pull.Credential
	// Endpoints are tried in this order; the first that answers the ping counts.
	Endpoints []Endpoint
	// Blocked says that registries.conf forbids to ask; empty: it does not.
	Blocked string
}

// session is what is known of a registry for one repository (docker/
// docker_client.go, dockerClient). It takes its challenges from GET /v2/ and
// from nothing else. It is safe for concurrent use.
type session struct {
	Source

	mu         sync.Mutex
	at         *Endpoint // that answered the ping
	challenges []auth.Challenge
	tokens     map[string]token // by the scope that was asked for besides
}

// token is what a token server gave.
type token struct {
	shown string // "Bearer " and the token
	until time.Time
}

// begin pings the registry, unless that was done (detectPropertiesHelper).
func (s *session) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Blocked != "" {
		return &blockedError{s.Blocked}
	}
	var err error
	for i := range s.Endpoints {
		if s.at != nil {
			break
		}
		err = s.ping(ctx, &s.Endpoints[i])
	}
	if s.at != nil {
		return nil
	}
	return err
}

// asked tells whether GET /v2/ asked for a credential in a way that is understood, or
// gave no answer.
func (s *session) asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at == nil || slices.ContainsFunc(s.challenges, func(c auth.Challenge) bool {
		return c.Scheme == auth.BasicAuth || c.Scheme == auth.BearerAuth
	})
}

// ping asks one endpoint whether it is a registry, and what it demands.
func (s *session) ping(ctx context.Context, at *Endpoint) error {
	resp, err := ask(ctx, at.Client, at.Scheme+"://"+at.Host+"/v2/", nil)
	if err != nil {
		return fmt.Errorf("pinging container registry %s: %w", at.Host, err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnauthorized {
		return refusedBy(resp, &refusal{during: pinging, host: at.Host})
	}
	s.at, s.challenges, s.tokens = at, challengesOf(resp.Header), map[string]token{}
	return resp.Body.Close()
}

// get asks for something of the repository; the answer is one of status 200. Who
// is told that a token's scope is not enough asks once more for one with the
// scope that is named (makeRequestToResolvedURL).
func (s *session) get(ctx context.Context, path string, about *refusal) (*http.Response, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	resp, err := s.send(ctx, path, "")
	if err != nil {
		return nil, err
	}
	if scope := insufficient(resp); scope != "" {
		_ = resp.Body.Close() // it was not read
		if resp, err = s.send(wire.Afresh(ctx), path, scope); err != nil {
			return nil, err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusedBy(resp, about)
	}
	return resp, nil
}

// insufficient returns the scope that a refusal asks for (needsRetryWithUpdatedScope).
func insufficient(resp *http.Response) string {
	if resp.StatusCode != http.StatusUnauthorized {
		return ""
	}
	for _, challenge := range challengesOf(resp.Header) {
		scope := challenge.Parameters["scope"]
		if challenge.Scheme == auth.BearerAuth && challenge.Parameters["error"] == "insufficient_scope" && strings.Count(scope, ":") == 2 {
			return scope
		}
	}
	return ""
}

// send sends one request with what there is to show.
func (s *session) send(ctx context.Context, path, scope string) (*http.Response, error) {
	header := http.Header{"Accept": {strings.Join(manifest.DefaultRequestedManifestMIMETypes, ", ")}}
	if err := s.authorize(ctx, header, scope); err != nil {
		return nil, err
	}
	return ask(ctx, s.at.Client, s.at.Scheme+"://"+s.at.Host+"/v2/"+reference.Path(s.Image)+"/"+path, header)
}

// authorize answers the first challenge that is understood (setupRequestAuth).
func (s *session) authorize(ctx context.Context, header http.Header, scope string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, challenge := range s.challenges {
		switch challenge.Scheme {
		case auth.BasicAuth:
			username, password := s.Credential.Basic()
			req := http.Request{Header: header}
			req.SetBasicAuth(username, password) // be they empty
			return nil
		case auth.BearerAuth:
			known, ok := s.tokens[scope]
			if !ok || time.Now().After(known.until) {
				var err error
				if known, err = s.askToken(ctx, challenge, scope); err != nil {
					return err
				}
				s.keep(scope, known)
			}
			header.Set("Authorization", known.shown)
			return nil
		default: // the next one
		}
	}
	return nil
}

// keep keeps a token, with the lock held.
func (s *session) keep(scope string, fresh token) {
	if len(s.tokens) >= maxTokens {
		clear(s.tokens)
	}
	s.tokens[scope] = fresh
}

// bytes is about what challenges and tokens take.
func (s *session) bytes() (size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, challenge := range s.challenges {
		for name, value := range challenge.Parameters {
			size += int64(len(name) + len(value))
		}
	}
	for scope, known := range s.tokens {
		size += int64(len(scope) + len(known.shown))
	}
	return size
}

// askToken asks for a token by GET, whoever asks (getBearerToken).
func (s *session) askToken(ctx context.Context, challenge auth.Challenge, scope string) (token, error) {
	realm, ok := challenge.Parameters["realm"]
	if !ok {
		return token{}, errors.New("missing realm in bearer auth challenge")
	}
	address, err := url.Parse(realm)
	if err != nil {
		return token{}, err
	}
	username, password := s.Credential.Basic()
	query := address.Query()
	if username != "" {
		query.Add("account", username)
	}
	if service := challenge.Parameters["service"]; service != "" {
		query.Add("service", service)
	}
	query.Add("scope", "repository:"+reference.Path(s.Image)+":pull")
	if scope != "" {
		query.Add("scope", scope)
	}
	address.RawQuery = query.Encode()
	header := http.Header{}
	if username != "" && password != "" {
		req := http.Request{Header: header}
		req.SetBasicAuth(username, password)
	}
	resp, err := ask(ctx, s.at.Client, address.String(), header)
	if err != nil {
		return token{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return token{}, refusedBy(resp, &refusal{during: askingToken, host: address.Host})
	}
	return readToken(resp)
}

// readToken reads a token server's answer. One without a token is taken, too
// (newBearerTokenFromHTTPResponseBody).
func readToken(resp *http.Response) (token, error) {
	body, err := atMost(resp, maxWords)
	if err != nil {
		return token{}, err
	}
	var given struct {
		Token       string    `json:"token"`
		AccessToken string    `json:"access_token"`
		ExpiresIn   int       `json:"expires_in"`
		IssuedAt    time.Time `json:"issued_at"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return token{}, fmt.Errorf("decoding bearer token: %w", err)
	}
	if given.Token == "" {
		given.Token = given.AccessToken
	}
	if given.IssuedAt.IsZero() {
		given.IssuedAt = time.Now()
	}
	life := max(time.Duration(given.ExpiresIn)*time.Second, leastLife)
	return token{shown: "Bearer " + given.Token, until: given.IssuedAt.Add(life)}, nil
}

// ask sends one GET.
func ask(ctx context.Context, client *http.Client, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	return client.Do(req)
}

// refusedBy reads what an answer says that ends a pull.
func refusedBy(resp *http.Response, about *refusal) error {
	most := int64(maxWords)
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= http.StatusInternalServerError {
		most = maxApology
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	about.status, about.statusLine, about.header, about.body = resp.StatusCode, resp.Status, resp.Header, body
	return about
}

// atMost reads a body up to a limit (internal/iolimits/iolimits.go, ReadAtMost).
func atMost(resp *http.Response, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if len(body) > limit {
		return nil, &refusedError{words: fmt.Sprintf("exceeded maximum allowed size of %d bytes", limit)}
	}
	return body, nil
}

// blockedError is that registries.conf forbids to ask.
type blockedError struct{ why string }

// Error says so.
func (e *blockedError) Error() string { return e.why }

// refusedError is content that CRI-O refuses, whoever gives it.
type refusedError struct {
	words string
	// means is what they mean, where they do not tell; empty: they do.
	means string
}

// Error is what CRI-O says.
func (e *refusedError) Error() string { return e.words }
