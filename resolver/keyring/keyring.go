package keyring

import (
	"context"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

const (
	// maxSecrets is how many pull secrets of one Pod are read. Neither the
	// API server nor the kubelet has a limit; 64 bound what
	// one Pod can make us ask for.
	maxSecrets = 64
	// maxReads is how many secrets of one Pod are read at a time.
	maxReads = 8
)

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

	reading sync.Once
	globs   dockerconfig.Globs // what Hidden says, once it was read

	contents contents
}

// hidden are the globs of Hidden.
func (k *Keyring) hidden() dockerconfig.Globs {
	k.reading.Do(func() { k.globs = dockerconfig.NewGlobs(k.Hidden) })
	return k.globs
}

// Pod is what of a Pod decides about its credentials.
type Pod struct {
	Namespace string
	// PullSecrets are the names in imagePullSecrets, in order and with the
	// empty ones: a list of one empty name is not an empty list.
	PullSecrets []string
	// ServiceAccount is the Pod's; empty means "default".
	ServiceAccount string
	// InheritsSecrets tells whether an empty list is still to get the pull
	// secrets of the ServiceAccount, as workload.Template says.
	InheritsSecrets bool
}

// Open reads the Pod's secrets, each once, several at a time. The ring stays
// as it is: it is for one admission, not to be kept.
func (k *Keyring) Open(ctx context.Context, pod Pod) *Ring {
	ring := k.ring(pod)
	names, from := pod.PullSecrets, ""
	if pod.inherits() {
		names, from = ring.inherit(ctx), ring.account.String()
	}
	k.read(ctx, pod.Namespace, from, names, ring)
	ring.build()
	return ring
}

// Recall opens a ring of what the source remembers, if that is all: nobody is
// asked, and nothing waits.
func (k *Keyring) Recall(ctx context.Context, pod Pod) (*Ring, bool) {
	source, ok := k.Source.(Rememberer)
	if !ok || len(k.Node) > 0 {
		return nil, false
	}
	ring := k.ring(pod)
	names, from := pod.PullSecrets, ""
	if pod.inherits() {
		object, known := source.RecallServiceAccount(pod.Namespace, ring.account.Name)
		if !known {
			return nil, false
		}
		names, from = secretsOf(object), ring.account.String()
	}
	ring.secrets = ring.named(pod.Namespace, from, names)
	room := newRoom()
	for _, s := range ring.secrets {
		if s.object, ok = source.RecallSecret(s.namespace, s.name); !ok {
			return nil, false
		}
		s.parseWithin(ctx, &room, &k.contents)
	}
	ring.tellUnread()
	ring.build()
	return ring, true
}

// ring is a Pod's, without secrets.
func (k *Keyring) ring(pod Pod) *Ring {
	return &Ring{nodes: k.Node, hidden: k.hidden(), account: k.accountOf(pod)}
}

// inherits tells whether the ServiceAccount's pull secrets are the Pod's.
func (p *Pod) inherits() bool { return len(p.PullSecrets) == 0 && p.InheritsSecrets }

// accountOf returns the account of a Pod; one that names none has the default
// one (plugin/pkg/admission/serviceaccount, Admit).
func (k *Keyring) accountOf(pod Pod) *Account {
	name := pod.ServiceAccount
	if name == "" {
		name = "default"
	}
	return &Account{Namespace: pod.Namespace, Name: name, Source: k.Source}
}

// inherit returns the names that the ServiceAccount admission plugin copies to
// a Pod that lists no pull secrets: all or none, never a union
// (plugin/pkg/admission/serviceaccount, Admit).
func (r *Ring) inherit(ctx context.Context) (names []string) {
	object, err := r.account.Get(ctx)
	switch {
	case apierrors.IsNotFound(err):
		r.unseen.add(nil, "ServiceAccount %s does not exist: no Pod is created before it does, and its pull secrets are not known", r.account)
	case err != nil:
		r.unseen.add(err, "ServiceAccount %s could not be read, so its pull secrets are not known: %v", r.account, err)
	default:
		names = secretsOf(object)
	}
	return names
}

// secretsOf are the names of an account's pull secrets.
func secretsOf(account *corev1.ServiceAccount) []string {
	names := make([]string, 0, len(account.ImagePullSecrets))
	for _, reference := range account.ImagePullSecrets {
		names = append(names, reference.Name)
	}
	return names
}

// read reads the named secrets of one namespace.
func (k *Keyring) read(ctx context.Context, namespace, account string, names []string, ring *Ring) {
	ring.secrets = ring.named(namespace, account, names)
	k.readAll(ctx, ring.secrets)
	ring.tellUnread()
}

// named are the named secrets of one namespace, still to be read, a repeated
// name once: a second turn of the same credentials changes nothing. Empty names
// are passed over without a word, as the kubelet does (getPullSecretsForPod).
func (r *Ring) named(namespace, account string, names []string) []*secret {
	secrets := make([]*secret, 0, len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		secrets = append(secrets, secretNamed(namespace, name, account))
	}
	if len(secrets) > maxSecrets {
		r.unseen.add(nil, "the Pod has %d pull secrets, of which only the first %d are read", len(secrets), maxSecrets)
		secrets = secrets[:maxSecrets]
	}
	return secrets
}

// tellUnread says of which secrets nothing is known.
func (r *Ring) tellUnread() {
	for _, s := range r.secrets {
		if s.unread != nil {
			r.unseen.add(s.unread, "%s could not be read: %v", s, s.unread)
		}
	}
}

// readAll reads a few at a time, and parses them in order while there is room
// for what is in them: what one Pod can make us hold and compute is bounded.
func (k *Keyring) readAll(ctx context.Context, secrets []*secret) {
	room := newRoom()
	for some := range slices.Chunk(secrets, maxReads) {
		var group sync.WaitGroup
		for _, s := range some {
			if room.over(ctx) == nil {
				group.Go(func() { s.read(ctx, k.Source) })
			}
		}
		group.Wait()
		for _, s := range some {
			s.parseWithin(ctx, &room, &k.contents)
		}
	}
}
