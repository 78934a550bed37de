package resolver

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// flightLimit ends a shared question that no registry answers.
	flightLimit = 15 * time.Second
	// maxFlights is how many questions are put to registries at a time, and
	// maxPerHost how many of them to one, so that one that hangs leaves room
	// for the others.
	maxFlights = 256
	maxPerHost = 64
)

// flights makes one of equal questions that are put at the same time. Unlike
// golang.org/x/sync/singleflight it ends a question when nobody waits for the
// answer any more: who asks for what hangs, and goes away, leaves nothing. The
// zero value is ready.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight
	hosts map[string]*lane
	all   *semaphore.Weighted
}

type flight struct {
	done    chan struct{}
	finding pull.Finding
	askers  int
	cancel  context.CancelFunc
}

// lane bounds the questions to one host, as long as there are any.
type lane struct {
	*semaphore.Weighted
	users int
}

// ask returns the answer to a question, and whether it had been put before.
// Not ok is that the context ended first.
func (g *flights) ask(ctx context.Context, host, key string, put func(context.Context) pull.Finding) (finding pull.Finding, joined, ok bool) {
	g.mu.Lock()
	f, joined := g.under[key]
	if !joined {
		f = g.start(ctx, host, key, put)
	}
	f.askers++
	g.mu.Unlock()
	defer g.leave(key, f)
	select {
	case <-ctx.Done():
		return pull.Finding{}, joined, false
	case <-f.done:
		return f.finding, joined, true
	}
}

// start puts a question, with the lock held.
func (g *flights) start(ctx context.Context, host, key string, put func(context.Context) pull.Finding) *flight {
	if g.under == nil {
		g.under, g.hosts, g.all = map[string]*flight{}, map[string]*lane{}, semaphore.NewWeighted(maxFlights)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightLimit)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	g.under[key] = f
	go func() {
		defer cancel()
		finding := g.inLane(ctx, host, put)
		g.mu.Lock()
		defer g.mu.Unlock()
		f.finding = finding
		g.forget(key, f)
		close(f.done)
	}()
	return f
}

// leave ends a question for which nobody waits any more.
func (g *flights) leave(key string, f *flight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f.askers--
	if f.askers == 0 {
		f.cancel()
		g.forget(key, f) // who asks now gets an answer of their own
	}
}

func (g *flights) forget(key string, f *flight) {
	if g.under[key] == f {
		delete(g.under, key)
	}
}

// inLane puts a question when there is room for it.
func (g *flights) inLane(ctx context.Context, host string, put func(context.Context) pull.Finding) pull.Finding {
	g.mu.Lock()
	l := g.hosts[host]
	if l == nil {
		l = &lane{Weighted: semaphore.NewWeighted(maxPerHost)}
		g.hosts[host] = l
	}
	l.users++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(g.hosts, host)
		}
	}()
	late := pull.Finding{Reason: pull.Timeout, Detail: "too many questions to registries are under way"}
	if l.Acquire(ctx, 1) != nil {
		return late
	}
	defer l.Release(1)
	if g.all.Acquire(ctx, 1) != nil {
		return late
	}
	defer g.all.Release(1)
	if ctx.Err() != nil {
		return late
	}
	return put(ctx)
}
