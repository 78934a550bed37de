package keyring

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// Account is the ServiceAccount of a Pod, read at most once and only when
// somebody needs it. It may be used by several goroutines.
type Account struct {
	// Namespace and Name are those of the ServiceAccount.
	Namespace, Name string
	// Source reads it.
	Source Source

	once   sync.Once
	object *corev1.ServiceAccount
	err    error
}

// accountOf returns the account of a Pod; one that names none has the default
// one (plugin/pkg/admission/serviceaccount, Admit).
func (k *Keyring) accountOf(pod Pod) *Account {
	name := pod.ServiceAccount
	if name == "" {
		name = "default"
	}
	return &Account{Namespace: pod.Namespace, Name: name, Source: k.Source}
}

// String returns NAMESPACE/NAME.
func (a *Account) String() string { return a.Namespace + "/" + a.Name }

func (a *Account) get(ctx context.Context) (*corev1.ServiceAccount, error) {
	a.once.Do(func() { a.object, a.err = a.read(ctx) })
	return a.object, a.err
}

func (a *Account) read(ctx context.Context) (*corev1.ServiceAccount, error) {
	if a.Source == nil {
		return nil, errNoSource
	}
	object, err := a.Source.ServiceAccount(ctx, a.Namespace, a.Name)
	if err == nil && object == nil {
		return nil, errNoAnswer
	}
	return object, err
}

// errNoTokens is the lot of providers that work with ServiceAccounts' tokens
// where there is no cluster to issue them.
const errNoTokens Elsewhere = "it asks for a token of the Pod's ServiceAccount, and there is no cluster to issue one"

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
func (p *Providers) identify(ctx context.Context, wanted *tokenAttributes, account *Account) (identity, error) {
	switch {
	case wanted == nil:
		return identity{}, nil
	case p.Issue == nil:
		return identity{}, errNoTokens
	}
	object, err := account.get(ctx)
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
func (a *tokenAttributes) whose(account *Account, object *corev1.ServiceAccount, who identity) [sha256.Size]byte {
	token := ""
	if a.CacheType == cacheByToken {
		token = who.token
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", account.Namespace, account.Name, object.UID, who.annotations, token))
}
