package providers

import (
	"errors"
	"fmt"

	"github.com/pullgate/pullgate/resolver/keyring"
)

// errNoTokens is the lot of providers that work with ServiceAccounts' tokens
// where there is no cluster to issue them.
const errNoTokens keyring.Elsewhere = "it asks for a token of the Pod's ServiceAccount, and there is no cluster to issue one"

// errNotMeant says that a provider is not for a ServiceAccount.
var errNotMeant = errors.New("the ServiceAccount lacks an annotation that the provider requires")

// missed are the reasons for which there may be more credentials.
type missed struct{ failed, elsewhere error }

func (m *missed) add(err error) {
	if errors.Is(err, keyring.ErrElsewhere) {
		m.elsewhere = and(m.elsewhere, err)
	} else {
		m.failed = and(m.failed, err)
	}
}

// err is an keyring.ErrElsewhere if nothing failed.
func (m *missed) err() error {
	if m.failed != nil && m.elsewhere != nil {
		return fmt.Errorf("%w; %s", m.failed, m.elsewhere.Error())
	}
	if m.failed != nil {
		return m.failed
	}
	return m.elsewhere
}

// and joins errors in one line.
func and(before, err error) error {
	if before == nil {
		return err
	}
	return fmt.Errorf("%w; %w", before, err)
}
