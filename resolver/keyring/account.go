package keyring

import (
	"context"
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

// String returns NAMESPACE/NAME.
func (a *Account) String() string { return a.Namespace + "/" + a.Name }

// Get reads it, or says what came of that before.
func (a *Account) Get(ctx context.Context) (*corev1.ServiceAccount, error) {
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
