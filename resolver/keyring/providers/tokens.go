package providers

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
	now     func() time.Time
	kept    *lru.Cache[tokenKey, token]
	flights singleflight.Group
}

// tokenKey is whose and for whom a token is.
type tokenKey struct {
	namespace, name string
	uid             types.UID
	audience        string
}

type token struct {
	text           string
	renew, expires time.Time
}

func newTokens() *tokens {
	kept, err := lru.New[tokenKey, token](maxTokens)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &tokens{now: time.Now, kept: kept}
}

func (t *tokens) get(ctx context.Context, issue Issuer, key tokenKey) (string, error) {
	old, ok := t.kept.Get(key)
	if ok && t.now().Before(old.renew) {
		return old.text, nil
	}
	fresh, err := shared(ctx, &t.flights, fmt.Sprintf("%q", key), func(ctx context.Context) (token, error) {
		return t.ask(ctx, issue, key)
	})
	if err != nil && ok && t.now().Before(old.expires) {
		return old.text, nil
	}
	return fresh.text, err
}

// ask has a token issued. The kubelet's own is bound to the Pod, which there is
// not yet; the UID makes sure that it is of the ServiceAccount that was read.
func (t *tokens) ask(ctx context.Context, issue Issuer, key tokenKey) (token, error) {
	ctx, cancel := context.WithTimeout(ctx, maxIssue)
	defer cancel()
	seconds := int64(tokenLife.Seconds())
	request := &authenticationv1.TokenRequest{
		ObjectMeta: metav1.ObjectMeta{UID: key.uid},
		Spec:       authenticationv1.TokenRequestSpec{Audiences: []string{key.audience}, ExpirationSeconds: &seconds},
	}
	began := t.now()
	err := issue(ctx, key.namespace, key.name, request)
	switch {
	case apierrors.IsForbidden(err):
		return token{}, keyring.Elsewhere(fmt.Sprintf("pullgate has no right to create serviceaccounts/token for %s/%s: %v",
			key.namespace, key.name, err))
	case err == nil && request.Status.Token == "":
		err = errors.New("the answer has none")
	}
	if err != nil {
		return token{}, fmt.Errorf("no token of ServiceAccount %s/%s was issued: %w", key.namespace, key.name, err)
	}
	if request.Spec.ExpirationSeconds != nil {
		seconds = min(seconds, *request.Spec.ExpirationSeconds)
	}
	life := time.Duration(seconds) * time.Second
	issued := token{text: request.Status.Token, renew: began.Add(life * 4 / 5), expires: began.Add(life)}
	t.kept.Add(key, issued)
	return issued, nil
}

// shared lets all who ask for the same at the same time have one answer. What
// was begun goes on when a caller gives up: others may be waiting, and the next
// will ask for it.
func shared[T any](ctx context.Context, flights *singleflight.Group, key string, do func(context.Context) (T, error)) (answer T, err error) {
	flight := flights.DoChan(key, func() (_ any, err error) {
		defer func() {
			if value := recover(); value != nil { // a bug of ours, in a goroutine of its own
				err = fmt.Errorf("an internal error of pullgate: %T", value)
			}
		}()
		return do(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return answer, fmt.Errorf("no answer in time: %w", context.Cause(ctx))
	case landed := <-flight:
		answer, _ = landed.Val.(T)
		return answer, landed.Err
	}
}
