package check

import (
	"context"
	"errors"
	"sync"

	"github.com/pullgate/pullgate/resolver/coalesce"
)

// memory puts every question of a run once and keeps the answers. It keeps no
// errors: they say that whoever asked went away. The zero value is ready.
type memory[K comparable, V any] struct {
	asking coalesce.Group[K, V]
	mu     sync.Mutex
	known  map[K]V
}

// ask returns the answer to a question, which put is to find if it was not put
// before. Put is left alone when nobody waits for it any more.
func (m *memory[K, V]) ask(ctx context.Context, key K, put func(context.Context) (V, error)) (V, error) {
	answer, _, err := m.asking.Ask(ctx, key, func(ctx context.Context) (V, error) {
		if known, ok := m.get(key); ok {
			return known, nil
		}
		answer, err := put(ctx)
		if err == nil {
			m.keep(key, answer)
		}
		return answer, err
	})
	var panicked *coalesce.PanicError
	if errors.As(err, &panicked) {
		panic(panicked.Value) // who asked knows what to do about a bug
	}
	return answer, err
}

func (m *memory[K, V]) get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.known[key]
	return known, ok
}

// forget has questions put anew.
func (m *memory[K, V]) forget(keys []K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		delete(m.known, key)
	}
}

func (m *memory[K, V]) keep(key K, answer V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[K]V{}
	}
	m.known[key] = answer
}
