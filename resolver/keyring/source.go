package keyring

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

var (
	errNoSource = errors.New("there is no access to Secrets and ServiceAccounts")
	errTooMuch  = errors.New("the Pod's pull secrets together hold more than pullgate reads")
	errNoAnswer = errors.New("neither an object nor an error came")
)

// ErrElsewhere is in the errors of a Source or NodeSource that did not fail but
// cannot see all there is: others may hold what it has not got.
var ErrElsewhere = errors.New("there may be others elsewhere")

// Elsewhere is an error that says no more than its text, and is an ErrElsewhere.
type Elsewhere string

// Error returns the text.
func (e Elsewhere) Error() string { return string(e) }

// Is makes it an ErrElsewhere.
func (Elsewhere) Is(target error) bool { return target == ErrElsewhere }

// Source reads the objects from which a Pod's credentials come. For one that
// does not exist it returns an error that apierrors.IsNotFound recognises.
type Source interface {
	// Secret reads one Secret.
	Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error)
	// ServiceAccount reads one ServiceAccount.
	ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error)
}

// Rememberer is a Source that may know an object without asking anybody.
type Rememberer interface {
	Source
	// RecallSecret returns a Secret, if it is remembered.
	RecallSecret(namespace, name string) (*corev1.Secret, bool)
	// RecallServiceAccount returns a ServiceAccount, if it is remembered.
	RecallServiceAccount(namespace, name string) (*corev1.ServiceAccount, bool)
}

// NodeSource yields the credentials that nodes have of their own.
type NodeSource interface {
	// Lookup returns the credentials for a repository, a reference's name
	// without tag and digest, in the order in which the kubelet tries them.
	// An error says that there may be more; what was found goes with it. It
	// holds no value of a credential. The account is the Pod's.
	Lookup(ctx context.Context, account *Account, repository string) ([]pull.Credential, error)
}

// Refresher is a NodeSource that remembers, and can do without.
type Refresher interface {
	NodeSource
	// Anew returns the same source, but such that what is remembered does not
	// count: it may have been revoked since.
	Anew() NodeSource
}

// Anew returns the sources such that those that remember ask again, as a node
// would that has just started.
func Anew(sources []NodeSource) []NodeSource {
	fresh := slices.Clone(sources)
	for i, source := range fresh {
		if remembers, ok := source.(Refresher); ok {
			fresh[i] = remembers.Anew()
		}
	}
	return fresh
}
