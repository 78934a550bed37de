package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/coalesce"
)

// Source reads Secrets and ServiceAccounts, each with a get of its own:
// Pullgate neither lists nor watches them.
type Source struct {
	// Reader must not be a cache.
	Reader client.Reader
	// Observe is told of each read, by the object's kind; may be nil.
	Observe func(kind string, err error)
}

// seen tells of a read; of one that was ended, why: it was late, or nobody waits.
func (s Source) seen(ctx context.Context, kind string, err error) error {
	if s.Observe == nil {
		return err
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		s.Observe(kind, cause)
		return err
	}
	s.Observe(kind, err)
	return err
}

// Secret reads one Secret.
func (s Source) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := s.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, secret)
	return secret, s.seen(ctx, "Secret", proven(err, "secrets", name))
}

// ServiceAccount reads one ServiceAccount.
func (s Source) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	account := &corev1.ServiceAccount{}
	err := s.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, account)
	return account, s.seen(ctx, "ServiceAccount", proven(err, "serviceaccounts", name))
}

// proven lets an error say that an object is missing only where a Status of the
// API server says so, by kind and name. Of a 404 by something in front of it
// client-go makes an error that looks the same but for one cause
// (rest/request.go, newUnstructuredResponseError).
func proven(err error, resource, name string) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	var said apierrors.APIStatus
	if errors.As(err, &said) && isAbout(said.Status().Details, resource, name) {
		return err
	}
	return fmt.Errorf("the answer is 404, but not the API server's own about this object: %s", err.Error())
}

func isAbout(details *metav1.StatusDetails, resource, name string) bool {
	return details != nil && details.Kind == resource && details.Name == name &&
		!slices.ContainsFunc(details.Causes, func(cause metav1.StatusCause) bool {
			return cause.Type == metav1.CauseTypeUnexpectedServerResponse
		})
}

const (
	// rememberedFor is how old a Secret may be on which a pass depends. No
	// refusal does: before one, they are read again.
	rememberedFor = 15 * time.Second
	// remembered is how many objects of a kind are kept for that long,
	// rememberedBytes how much of them, and maxRemembered how large one may
	// be: whoever may create Secrets and Pods decides what is read, and 24 MiB
	// of both kinds are enough of it.
	remembered      = 2048
	rememberedBytes = 12 << 20
	maxRemembered   = 32 << 10
)

// Remembering is a Source that keeps for a moment what it read, so that a
// rollout of many objects reads a secret once.
type Remembering struct {
	source          Source
	secrets         *memory[*corev1.Secret]
	serviceAccounts *memory[*corev1.ServiceAccount]
}

// memory has the objects of one kind, and reads each once for all who ask for it
// at the same time.
type memory[T any] struct {
	kept   *cache.Cache[types.NamespacedName, T]
	asking coalesce.Group[types.NamespacedName, T]
	size   func(T) int
}

// Remember returns a Source with a short memory.
func Remember(source Source) *Remembering {
	return &Remembering{
		source:          source,
		secrets:         newMemory(sizeOf),
		serviceAccounts: newMemory(sizeOfAccount),
	}
}

func newMemory[T any](size func(T) int) *memory[T] {
	return &memory[T]{size: size, kept: cache.New(cache.Options[types.NamespacedName, T]{
		Entries: remembered, Age: rememberedFor, Bytes: rememberedBytes,
		Size: func(_ types.NamespacedName, object T) int64 { return int64(size(object)) },
	})}
}

// Secret returns one Secret, as it was a moment ago: its type and what it
// holds. A large one is read each time.
func (r *Remembering) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return r.secrets.recall(ctx, types.NamespacedName{Namespace: namespace, Name: name}, func(ctx context.Context) (*corev1.Secret, error) {
		secret, err := r.source.Secret(ctx, namespace, name)
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: secret.Type, Data: secret.Data}, err
	})
}

// RecallSecret returns a Secret as it was a moment ago, if it was read then.
func (r *Remembering) RecallSecret(namespace, name string) (*corev1.Secret, bool) {
	return r.secrets.kept.Get(types.NamespacedName{Namespace: namespace, Name: name})
}

// RecallServiceAccount returns a ServiceAccount as it was a moment ago, if it was
// read then.
func (r *Remembering) RecallServiceAccount(namespace, name string) (*corev1.ServiceAccount, bool) {
	return r.serviceAccounts.kept.Get(types.NamespacedName{Namespace: namespace, Name: name})
}

// sizeOf is how many bytes a Secret holds.
func sizeOf(secret *corev1.Secret) int {
	size := 0
	for key, value := range secret.Data {
		size += len(key) + len(value)
	}
	return size
}

// ServiceAccount returns one ServiceAccount, as it was a moment ago: who it is,
// its annotations and its pull secrets. A large one is read each time.
func (r *Remembering) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	return r.serviceAccounts.recall(ctx, types.NamespacedName{Namespace: namespace, Name: name}, func(ctx context.Context) (*corev1.ServiceAccount, error) {
		account, err := r.source.ServiceAccount(ctx, namespace, name)
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: account.UID, Annotations: account.Annotations,
		}, ImagePullSecrets: account.ImagePullSecrets}, err
	})
}

// sizeOfAccount is how many bytes a ServiceAccount holds at most.
func sizeOfAccount(account *corev1.ServiceAccount) int {
	size := len(account.ImagePullSecrets) * maxName
	for key, value := range account.Annotations {
		size += len(key) + len(value)
	}
	return size
}

// maxName is the length of an object's name at most.
const maxName = 253

// recall returns what is remembered, or reads it. No error is remembered, nor
// that an object is missing: it is created, and all is as it should be.
func (m *memory[T]) recall(ctx context.Context, key types.NamespacedName, read func(context.Context) (T, error)) (T, error) {
	if object, ok := m.kept.Get(key); ok {
		return object, nil
	}
	object, _, err := m.asking.Ask(ctx, key, func(ctx context.Context) (T, error) {
		if object, ok := m.kept.Get(key); ok { // who asked just before had it read
			return object, nil
		}
		object, err := read(ctx)
		if err == nil && m.size(object) <= maxRemembered {
			m.kept.Put(key, object)
		}
		return object, err
	})
	return object, err
}
