package providers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// errNoTokens is the lot of providers that work with ServiceAccounts' tokens
// where there is no cluster to issue them.
const errNoTokens keyring.Elsewhere = "it asks for a token of the Pod's ServiceAccount, and there is no cluster to issue one"

// errNotMeant says that a provider is not for a ServiceAccount.
var errNotMeant = errors.New("the ServiceAccount lacks an annotation that the provider requires")

// identity is what a provider's program is told of a Pod: nothing, or its
// ServiceAccount's token and annotations.
type identity struct {
	token       string
	annotations map[string]string
	// whose tells for whom an answer holds; zero: for everybody.
	whose [sha256.Size]byte
}

// identify finds out what a provider is told of a Pod (plugin.go, provide). Its
// error is errNotMeant where the kubelet, too, passes over the provider.
func (p *Plugins) identify(ctx context.Context, wanted *tokenAttributes, account *keyring.Account) (identity, error) {
	switch {
	case wanted == nil:
		return identity{}, nil
	case p.Issue == nil:
		return identity{}, errNoTokens
	}
	object, err := account.Get(ctx)
	if err != nil {
		return identity{}, fmt.Errorf("ServiceAccount %s could not be read: %w", account, err)
	}
	who := identity{}
	if who.annotations, err = wanted.pick(object.Annotations); err != nil {
		return identity{}, err
	}
	who.token, err = p.tokens.get(ctx, p.Issue, tokenKey{account.Namespace, account.Name, object.UID, wanted.Audience})
	if err != nil {
		return identity{}, err
	}
	who.whose = wanted.whose(account, object, who)
	return who, nil
}

// pick returns the annotations that a provider wants to see (plugin.go,
// getServiceAccountData).
func (a *tokenAttributes) pick(all map[string]string) (map[string]string, error) {
	picked := make(map[string]string)
	for _, key := range a.RequiredKeys {
		if _, ok := all[key]; !ok {
			return nil, errNotMeant
		}
		picked[key] = all[key]
	}
	for _, key := range a.OptionalKeys {
		if value, ok := all[key]; ok {
			picked[key] = value
		}
	}
	return picked, nil
}

// whose tells apart for whom answers are kept: one ServiceAccount with these
// annotations, or one token of it (plugin.go, generateServiceAccountCacheKey).
func (a *tokenAttributes) whose(account *keyring.Account, object *corev1.ServiceAccount, who identity) [sha256.Size]byte {
	token := ""
	if a.CacheType == cacheByToken {
		token = who.token
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", account.Namespace, account.Name, object.UID, who.annotations, token))
}
