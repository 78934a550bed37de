package keyring

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
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

// NodeSource yields the credentials that nodes have of their own.
type NodeSource interface {
	// Lookup returns the credentials for a repository, a reference's name
	// without tag and digest, in the order in which the kubelet tries them.
	// An error says that there may be more; what was found goes with it. It
	// holds no value of a credential. The account is the Pod's.
	Lookup(ctx context.Context, account *Account, repository string) ([]pull.Credential, error)
}

// Keyring knows where credentials are.
type Keyring struct {
	// Source reads Secrets and ServiceAccounts. Without it every Pod that
	// has any is Incomplete.
	Source Source
	// Node holds the nodes' own credentials in the kubelet's order:
	// config.json, then the credential providers, then the clouds'.
	Node []NodeSource
	// Hidden are globs of hosts for which nodes may hold credentials that
	// are not in Node; DefaultHiddenHosts has the usual ones.
	Hidden []string
}

// Pod is what of a Pod decides about its credentials.
type Pod struct {
	Namespace string
	// PullSecrets are the names in imagePullSecrets, in order and with the
	// empty ones: a list of one empty name is not an empty list.
	PullSecrets []string
	// ServiceAccount is the Pod's; empty means "default".
	ServiceAccount string
	// Inherit says that a Pod without pull secrets is still to get those of
	// its ServiceAccount: true for a Pod that is being created and for a
	// template, false for a Pod that exists, and for a mirror Pod.
	Inherit bool
}

// Open reads the Pod's secrets, each once, several at a time. The ring stays
// as it is: it is for one admission, not to be kept.
func (k *Keyring) Open(ctx context.Context, pod Pod) *Ring {
	ring := &Ring{keyring: k, account: k.accountOf(pod)}
	names, from := pod.PullSecrets, ""
	if len(names) == 0 && pod.Inherit {
		names, from = ring.inherit(ctx), ring.account.String()
	}
	ring.secrets = k.read(ctx, pod.Namespace, from, names, ring)
	ring.build()
	return ring
}
