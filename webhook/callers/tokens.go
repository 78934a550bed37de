package callers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"
	authenticationv1 "k8s.io/api/authentication/v1"
)

const (
	// askEvery and askAtOnce bound the requests for keys: a token that names an
	// unknown key asks for one, and anybody can show such tokens. Known keys need
	// none, so that nobody keeps an API server's token from being verified.
	askEvery  = 5 * time.Second
	askAtOnce = 4
	// askTimeout is how long an answer may take.
	askTimeout = 5 * time.Second
	// maxDiscovery bounds the discovery document, in bytes.
	maxDiscovery = 1 << 20
	// allGroups attests that a token is for reviews of all API groups.
	allGroups = "*"
)

// Tokens are the tokens of ServiceAccounts by which API servers say who they are:
// those that KEP-6060 has issued for admission webhooks, and those of accounts
// that are named. They are verified by the API server's own keys, which it
// publishes, without asking it about each. It must not be copied.
type Tokens struct {
	// Audience has to be among a token's. Needed: a token for something else
	// proves nothing.
	Audience string
	// Configuration is the name of the ValidatingWebhookConfiguration for which
	// a token counts, if it is for all API groups: of any ServiceAccount, since
	// such a token is issued to those alone that may attest that.
	Configuration string
	// Users are the names of those whose tokens count in any case, such as
	// system:serviceaccount:kube-system:webhook-auth. Whoever may create tokens
	// can have one for any audience, so the name is what proves something.
	Users []string

	issuer string
	client *http.Client
	keys   *oidc.RemoteKeySet

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

// From says where the keys are: at the API server with this URL, to be reached by
// the transport. The context's end ends nothing.
func (t *Tokens) From(ctx context.Context, server string, transport http.RoundTripper) {
	server = strings.TrimRight(server, "/")
	t.client = &http.Client{
		Timeout:   askTimeout,
		Transport: &sparing{transport, rate.NewLimiter(rate.Every(askEvery), askAtOnce)},
	}
	t.issuer = server + "/.well-known/openid-configuration"
	// Not what the discovery document says: that may be an address outside of
	// the cluster, and the API server serves its keys in any case.
	t.keys = oidc.NewRemoteKeySet(oidc.ClientContext(ctx, t.client), server+"/openid/v1/jwks")
}

// sparing asks no more often than it should.
type sparing struct {
	http.RoundTripper
	limit *rate.Limiter
}

// RoundTrip is that of http.RoundTripper.
func (s *sparing) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.limit.Allow() {
		return nil, errors.New("the API server was asked for its keys a moment ago")
	}
	return s.RoundTripper.RoundTrip(r)
}

// verify says why a token proves nothing; nil: it is an API server's.
func (t *Tokens) verify(ctx context.Context, token string) error {
	verifier, err := t.ready(ctx)
	if err != nil {
		return fmt.Errorf("the token cannot be verified: %w", err)
	}
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		return fmt.Errorf("the token does not count: %w", err)
	}
	if slices.Contains(t.Users, verified.Subject) {
		return nil
	}
	var claims claims
	if err := verified.Claims(&claims); err != nil {
		return fmt.Errorf("the token's claims cannot be read: %w", err)
	}
	return t.attested(verified.Subject, claims)
}

// claims are those of Kubernetes' own (kubernetes 1.37, pkg/serviceaccount/claims.go).
type claims struct {
	Kubernetes struct {
		Configuration struct {
			Name string `json:"name"`
		} `json:"validatingwebhookconfiguration"`
		Attestations map[string][]string `json:"attestations"`
	} `json:"kubernetes.io"`
}

// attested says whether a token was issued for asking this webhook about
// everything. One for a single API group, as aggregated API servers have, does
// not do: they serve none of what is asked about here.
func (t *Tokens) attested(user string, claims claims) error {
	groups := claims.Kubernetes.Attestations[authenticationv1.AttestationAdmissionReviewAPIGroups]
	switch name := claims.Kubernetes.Configuration.Name; {
	case name == "":
		return fmt.Errorf("the token of %s was not issued for a webhook, and that user is not among those whose tokens count", user)
	case name != t.Configuration:
		return fmt.Errorf("the token of %s is for the webhook configuration %s", user, name)
	case !slices.Equal(groups, []string{allGroups}):
		return fmt.Errorf("the token of %s is not for all API groups but for %q", user, groups)
	default:
		return nil
	}
}

// ready returns what verifies tokens, once it is known who issues them.
func (t *Tokens) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.verifier != nil {
		return t.verifier, nil
	}
	issuer, err := t.askIssuer(ctx)
	if err != nil {
		return nil, err
	}
	t.verifier = oidc.NewVerifier(issuer, t.keys, &oidc.Config{
		ClientID:             t.Audience,
		SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256, oidc.ES384, oidc.ES512}, // all that an API server signs with
	})
	return t.verifier, nil
}

// askIssuer returns the name of who issues the API server's tokens.
func (t *Tokens) askIssuer(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.issuer, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := t.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", t.issuer, response.Status)
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxDiscovery)).Decode(&document); err != nil {
		return "", fmt.Errorf("%s: %w", t.issuer, err)
	}
	if document.Issuer == "" {
		return "", fmt.Errorf("%s names no issuer", t.issuer)
	}
	return document.Issuer, nil
}
