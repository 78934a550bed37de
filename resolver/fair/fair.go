package fair

import (
	"context"
	"slices"
	"sync"
)

// Limiter lets in so many at a time. It is safe for concurrent use.
type Limiter struct {
	// Slots is how many are in at a time, and PerFlow how many of one flow. Both
	// have to be positive, and stay as they are.
	Slots, PerFlow int

	mu     sync.Mutex
	inside map[string]int
	total  int
	queues map[string][]*waiter
	// turn has the flows that wait, in the order in which they are let in.
	turn []string
}

// waiter is one who waits.
type waiter struct {
	let chan struct{} // closed when it is in
}

// Enter waits until there is room, and returns what gives it back. The error is
// the cause of the context's end.
func (l *Limiter) Enter(ctx context.Context, flow string) (leave func(), err error) {
	l.mu.Lock()
	if l.room(flow) {
		l.take(flow)
		l.mu.Unlock()
		return func() { l.leave(flow) }, nil
	}
	w := l.enqueue(flow)
	l.mu.Unlock()
	select {
	case <-w.let:
		return func() { l.leave(flow) }, nil
	case <-ctx.Done():
		l.giveUp(flow, w)
		return nil, context.Cause(ctx)
	}
}

// Flows is how many flows wait.
func (l *Limiter) Flows() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.turn)
}

// room tells whether one of a flow may enter.
func (l *Limiter) room(flow string) bool { return l.total < l.Slots && l.inside[flow] < l.PerFlow }

func (l *Limiter) take(flow string) {
	if l.inside == nil {
		l.inside, l.queues = map[string]int{}, map[string][]*waiter{}
	}
	l.inside[flow]++
	l.total++
}

func (l *Limiter) enqueue(flow string) *waiter {
	w := &waiter{let: make(chan struct{})}
	if len(l.queues[flow]) == 0 {
		l.turn = append(l.turn, flow)
	}
	l.queues[flow] = append(l.queues[flow], w)
	return w
}

// leave gives room back, and lets in whose turn it is.
func (l *Limiter) leave(flow string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.inside[flow]--; l.inside[flow] == 0 {
		delete(l.inside, flow)
	}
	for l.next() {
	}
}

// next lets one in, if there is room for anybody who waits.
func (l *Limiter) next() bool {
	i := slices.IndexFunc(l.turn, l.room)
	if i < 0 {
		return false
	}
	flow := l.turn[i]
	w := l.queues[flow][0]
	l.turn = append(slices.Delete(l.turn, i, i+1), flow) // its next turn is the last
	l.dequeue(flow, w)
	l.take(flow)
	close(w.let)
	return true
}

// dequeue takes one out of its flow's queue.
func (l *Limiter) dequeue(flow string, w *waiter) {
	queue := slices.DeleteFunc(l.queues[flow], func(other *waiter) bool { return other == w })
	if l.queues[flow] = queue; len(queue) == 0 {
		delete(l.queues, flow)
		l.turn = slices.DeleteFunc(l.turn, func(other string) bool { return other == flow })
	}
}

// giveUp is for one who waits no more, be it that it has just been let in.
func (l *Limiter) giveUp(flow string, w *waiter) {
	l.mu.Lock()
	select {
	case <-w.let:
		l.mu.Unlock()
		l.leave(flow)
	default:
		l.dequeue(flow, w)
		l.mu.Unlock()
	}
}
