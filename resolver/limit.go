package resolver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/fair"
)

const (
	// maxQuestions is how many questions are put to registries at a time, and
	// maxPerHost how many of them to one, so that one that hangs leaves room
	// for the others.
	maxQuestions = 256
	maxPerHost   = 64
	// maxShare is how many of them one namespace has, and maxHostShare how many
	// to one registry: what it asks for leaves room for others, if there are any.
	maxShare     = maxQuestions / 2
	maxHostShare = maxPerHost * 3 / 4
	// maxBreakers is of how many registries it is remembered that they do not
	// answer, and breakerAge for how long.
	maxBreakers = 1024
	breakerAge  = 10 * time.Minute
)

// hostLimit bounds the questions to registries. Those who wait are let in by
// turns, namespace by namespace. The zero value is ready.
type hostLimit struct {
	mu       sync.Mutex
	hosts    map[string]*host
	all      *fair.Limiter
	breakers *cache.Cache[string, *breaker]

	asking, waiting atomic.Int64
}

// host bounds the questions to one registry, as long as there are any.
type host struct {
	fair.Limiter
	users int
}

// enter waits until there is room for a question to a registry, for a namespace
// of the ticket, and returns what gives it back. The error is that of the
// context, or that the breaker gives the registry up.
func (l *hostLimit) enter(ctx context.Context, name string, alone bool, ticket *fair.Ticket, given *breaker) (leave func(), err error) {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	ctx, done, err := given.queue(ctx)
	defer done()
	if err != nil {
		return nil, err
	}
	one := l.join(name, alone)
	leaveOne, err := one.Enter(ctx, ticket)
	if err != nil {
		l.part(name, one)
		return nil, err
	}
	leaveAll, err := l.all.Enter(ctx, ticket)
	if err != nil {
		leaveOne()
		l.part(name, one)
		return nil, err
	}
	l.asking.Add(1)
	return func() {
		l.asking.Add(-1)
		leaveAll()
		leaveOne()
		l.part(name, one)
	}, nil
}

// namespaces is how many namespaces wait for room: at the registry where most do.
func (l *hostLimit) namespaces() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		return 0
	}
	flows := l.all.Flows()
	for _, one := range l.hosts {
		flows = max(flows, one.Flows())
	}
	return int64(flows)
}

// breaker returns a registry's.
func (l *hostLimit) breaker(name string) *breaker {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.breakers == nil {
		l.breakers = cache.New(cache.Options[string, *breaker]{Entries: maxBreakers, Age: breakerAge})
	}
	known, ok := l.breakers.Get(name)
	if !ok {
		known = &breaker{}
		l.breakers.Put(name, known)
	}
	return known
}

func (l *hostLimit) join(name string, alone bool) *host {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hosts == nil {
		l.hosts, l.all = map[string]*host{}, &fair.Limiter{Slots: maxQuestions, PerFlow: ofAll(maxQuestions, maxShare, alone)}
	}
	one := l.hosts[name]
	if one == nil {
		one = &host{Limiter: fair.Limiter{Slots: maxPerHost, PerFlow: ofAll(maxPerHost, maxHostShare, alone)}}
		l.hosts[name] = one
	}
	one.users++
	return one
}

// ofAll is how much of all room one namespace has.
func ofAll(slots, share int, alone bool) int {
	if alone {
		return slots
	}
	return share
}

// part forgets a registry to which nobody has a question any more.
func (l *hostLimit) part(name string, one *host) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(l.hosts, name)
	}
}
