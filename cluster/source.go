package cluster

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Source reads Secrets and ServiceAccounts, each with a get of its own:
// Pullgate neither lists nor watches them.
type Source struct {
	// Reader must not be a cache.
	Reader client.Reader
}

// Secret reads one Secret.
func (s Source) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	return secret, s.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, secret)
}

// ServiceAccount reads one ServiceAccount.
func (s Source) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	account := &corev1.ServiceAccount{}
	return account, s.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, account)
}

const (
	// rememberedFor is how old a Secret may be on which a pass depends. No
	// refusal does: before one, they are read again.
	rememberedFor = 15 * time.Second
	// remembered is how many objects are kept for that long, and
	// maxRemembered how large one may be: whoever may create Secrets and Pods
	// decides what is read, and 64 MiB are enough of it.
	remembered    = 2048
	maxRemembered = 32 << 10
)

// Remembering is a Source that keeps for a moment what it read, so that a
// rollout of many objects reads a secret once.
type Remembering struct {
	source          Source
	secrets         *lru.Cache[types.NamespacedName, memory[*corev1.Secret]]
	serviceAccounts *lru.Cache[types.NamespacedName, memory[*corev1.ServiceAccount]]
}

type memory[T any] struct {
	object T
	until  time.Time
}

// Remember returns a Source with a short memory.
func Remember(source Source) *Remembering {
	return &Remembering{
		source:          source,
		secrets:         newMemory[*corev1.Secret](),
		serviceAccounts: newMemory[*corev1.ServiceAccount](),
	}
}

func newMemory[T any]() *lru.Cache[types.NamespacedName, memory[T]] {
	cache, err := lru.New[types.NamespacedName, memory[T]](remembered)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return cache
}

// Secret returns one Secret, as it was a moment ago: its type and what it
// holds. A large one is read each time.
func (r *Remembering) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return recall(r.secrets, types.NamespacedName{Namespace: namespace, Name: name}, func() (*corev1.Secret, error) {
		secret, err := r.source.Secret(ctx, namespace, name)
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: secret.Type, Data: secret.Data}, err
	}, sizeOf)
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
	return recall(r.serviceAccounts, types.NamespacedName{Namespace: namespace, Name: name}, func() (*corev1.ServiceAccount, error) {
		account, err := r.source.ServiceAccount(ctx, namespace, name)
		return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: account.UID, Annotations: account.Annotations,
		}, ImagePullSecrets: account.ImagePullSecrets}, err
	}, sizeOfAccount)
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
func recall[T any](cache *lru.Cache[types.NamespacedName, memory[T]], key types.NamespacedName, read func() (T, error), size func(T) int) (T, error) {
	if kept, ok := cache.Get(key); ok && time.Now().Before(kept.until) {
		return kept.object, nil
	}
	object, err := read()
	if err == nil && size(object) <= maxRemembered {
		cache.Add(key, memory[T]{object: object, until: time.Now().Add(rememberedFor)})
	}
	return object, err
}
