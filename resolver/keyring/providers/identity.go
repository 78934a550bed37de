package providers

import (
	"crypto/sha256"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// identity is what a provider's program is told of a Pod: nothing, or its
// ServiceAccount's token and annotations.
type identity struct {
	token       string
	annotations map[string]string
	// whose tells for whom an answer holds; zero: for everybody.
	whose [sha256.Size]byte
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
