package resolver

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

const (
	// maxQuestions is how many questions are put to registries at a time, and
	// maxPerHost how many of them to one, so that one that hangs leaves room
	// for the others.
	maxQuestions = 256
	maxPerHost   = 64
)

// hostLimit bounds the questions to registries. The zero value is ready.
type hostLimit struct {
	mu    sync.Mutex
	hosts map[string]*host
	all   *semaphore.Weighted

	asking, waiting atomic.Int64
}

// host bounds the questions to one registry, as long as there are any.
type host struct {
	*semaphore.Weighted
	users int
}

// enter waits until there is room for a question to a registry, and returns
// what gives it back. The error is that of the context.
func (l *hostLimit) enter(ctx context.Context, name string) (leave func(), err error) {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	one := l.join(name)
	if err := one.Acquire(ctx, 1); err != nil {
		l.part(name, one)
		return nil, err
	}
	if err := l.all.Acquire(ctx, 1); err != nil {
		one.Release(1)
		l.part(name, one)
		return nil, err
	}
	l.asking.Add(1)
	return func() {
		l.asking.Add(-1)
		l.all.Release(1)
		one.Release(1)
		l.part(name, one)
	}, nil
}

func (l *hostLimit) join(name string) *host {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts == nil {
		l.hosts, l.all = map[string]*host{}, semaphore.NewWeighted(maxQuestions)
	}
	one := l.hosts[name]
	if one == nil {
		one = &host{Weighted: semaphore.NewWeighted(maxPerHost)}
		l.hosts[name] = one
	}
	one.users++
	return one
}

// part forgets a registry to which nobody has a question any more.
func (l *hostLimit) part(name string, one *host) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(l.hosts, name)
	}
}
