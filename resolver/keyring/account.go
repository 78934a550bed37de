package keyring

import (
	"context"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/coalesce"
)

// Account is the ServiceAccount of a Pod, read at most once and only when
// somebody needs it. It may be used by several goroutines.
type Account struct {
	// Namespace and Name are those of the ServiceAccount.
	Namespace, Name string
	// Source reads it.
	Source Source

	asks  coalesce.Group[struct{}, *corev1.ServiceAccount]
	reply atomic.Pointer[accountReply]
}

// accountReply is what came of reading an account.
type accountReply struct {
	object *corev1.ServiceAccount
	err    error
}

// String returns NAMESPACE/NAME.
func (a *Account) String() string { return a.Namespace + "/" + a.Name }

// Get reads it, or says what came of that before. That somebody had no time to
// wait is no answer, and is not remembered.
func (a *Account) Get(ctx context.Context) (*corev1.ServiceAccount, error) {
	if known := a.reply.Load(); known != nil {
		return known.object, known.err
	}
	object, _, err := a.asks.Ask(ctx, struct{}{}, func(ctx context.Context) (*corev1.ServiceAccount, error) {
		object, err := a.read(ctx)
		if ctx.Err() == nil {
			a.reply.Store(&accountReply{object, err})
		}
		return object, err
	})
	return object, err
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
