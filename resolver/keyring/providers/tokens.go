package providers

import (
	"context"
	"errors"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/keyring"
)

const (
	// tokenLife is the shortest that the API server issues
	// (pkg/apis/authentication/validation). The kubelet asks for an hour.
	tokenLife = 10 * time.Minute
	// maxIssue is how long a token is waited for.
	maxIssue = 30 * time.Second
	// maxTokens bounds the tokens that are kept: of the ServiceAccounts that
	// were seen last.
	maxTokens = 1024
)

// Issuer asks the API server for a token of a ServiceAccount and puts the
// answer into the request (TokenRequest, the right to create
// serviceaccounts/token).
type Issuer func(ctx context.Context, namespace, name string, request *authenticationv1.TokenRequest) error

// tokens keeps what was issued as the kubelet does
// (pkg/kubelet/token/token_manager.go): a token is renewed when four fifths of
// its life are over, and serves to its end where that fails.
type tokens struct {
	now    func() time.Time
	kept   *cache.Cache[tokenKey, issuedToken]
	asking coalesce.Group[tokenKey, issuedToken]
}

// tokenKey is whose and for whom a token is.
type tokenKey struct {
	namespace, name string
	uid             types.UID
	audience        string
}

// issuedToken is kept until it expires.
type issuedToken struct {
	text  string
	renew time.Time
}

func newTokens(now func() time.Time) *tokens {
	return &tokens{
		now:    now,
		kept:   cache.New(cache.Options[tokenKey, issuedToken]{Entries: maxTokens, Now: now}),
		asking: coalesce.Group[tokenKey, issuedToken]{Life: maxIssue},
	}
}

func (t *tokens) get(ctx context.Context, issue Issuer, key tokenKey) (string, error) {
	if old, ok := t.kept.Get(key); ok && t.now().Before(old.renew) {
		return old.text, nil
	}
	fresh, _, err := t.asking.Ask(ctx, key, func(ctx context.Context) (issuedToken, error) {
		return t.ask(ctx, issue, key)
	})
	if err == nil {
		return fresh.text, nil
	}
	if old, ok := t.kept.Get(key); ok {
		return old.text, nil
	}
	return "", err
}

// ask has a token issued. The kubelet's own is bound to the Pod, which there is
// not yet; the UID makes sure that it is of the ServiceAccount that was read.
func (t *tokens) ask(ctx context.Context, issue Issuer, key tokenKey) (issuedToken, error) {
	seconds := int64(tokenLife.Seconds())
	request := &authenticationv1.TokenRequest{
		ObjectMeta: metav1.ObjectMeta{UID: key.uid},
		Spec:       authenticationv1.TokenRequestSpec{Audiences: []string{key.audience}, ExpirationSeconds: &seconds},
	}
	began := t.now()
	err := issue(ctx, key.namespace, key.name, request)
	switch {
	case apierrors.IsForbidden(err):
		return issuedToken{}, keyring.Elsewhere(fmt.Sprintf("pullgate has no right to create serviceaccounts/token for %s/%s: %v",
			key.namespace, key.name, err))
	case err == nil && request.Status.Token == "":
		err = errors.New("the answer has none")
	}
	if err != nil {
		return issuedToken{}, fmt.Errorf("no token of ServiceAccount %s/%s was issued: %w", key.namespace, key.name, err)
	}
	if request.Spec.ExpirationSeconds != nil {
		seconds = min(seconds, *request.Spec.ExpirationSeconds)
	}
	life := time.Duration(seconds) * time.Second
	issued := issuedToken{text: request.Status.Token, renew: began.Add(life * 4 / 5)}
	t.kept.PutUntil(key, issued, began.Add(life))
	return issued, nil
}
