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

// waiter is one who waits, in a queue of each of its flows.
type waiter struct {
	flows []string
	let   chan struct{} // closed when it is in
	in    bool
	as    string // the flow whose turn it was
}

// Enter waits until there is room for a flow of the ticket, and returns what
// gives it back. The error is the cause of the context's end.
func (l *Limiter) Enter(ctx context.Context, ticket *Ticket) (leave func(), err error) {
	w := &waiter{let: make(chan struct{})}
	ticket.queue(func(flow string) { l.enqueue(flow, w) })
	defer ticket.queue(nil)
	select {
	case <-w.let:
		return func() { l.leave(w) }, nil
	case <-ctx.Done():
		l.giveUp(w)
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

// enqueue lets one in as one of a flow, or has it wait for that flow's turn.
func (l *Limiter) enqueue(flow string, w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case w.in:
	case l.room(flow):
		l.take(flow, w)
	default:
		if len(l.queues[flow]) == 0 {
			l.turn = append(l.turn, flow)
		}
		l.queues[flow] = append(l.queues[flow], w)
		w.flows = append(w.flows, flow)
	}
}

// take lets one in as one of a flow, with the lock held.
func (l *Limiter) take(flow string, w *waiter) {
	if l.inside == nil {
		l.inside, l.queues = map[string]int{}, map[string][]*waiter{}
	}
	l.dequeue(w)
	l.inside[flow]++
	l.total++
	w.in, w.as = true, flow
	close(w.let)
}

// leave gives room back, and lets in whose turn it is.
func (l *Limiter) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.inside[w.as]--; l.inside[w.as] == 0 {
		delete(l.inside, w.as)
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
	l.turn = append(slices.Delete(l.turn, i, i+1), flow) // its next turn is the last
	l.take(flow, l.queues[flow][0])
	return true
}

// dequeue takes one out of the queues of its flows, with the lock held.
func (l *Limiter) dequeue(w *waiter) {
	for _, flow := range w.flows {
		queue := slices.DeleteFunc(l.queues[flow], func(other *waiter) bool { return other == w })
		if l.queues[flow] = queue; len(queue) == 0 {
			delete(l.queues, flow)
			l.turn = slices.DeleteFunc(l.turn, func(other string) bool { return other == flow })
		}
	}
	w.flows = nil
}

// giveUp is for one who waits no more, be it that it has just been let in.
func (l *Limiter) giveUp(w *waiter) {
	l.mu.Lock()
	l.dequeue(w)
	in := w.in
	w.in = true // whatever flow joins now finds nobody who waits
	l.mu.Unlock()
	if in {
		l.leave(w)
	}
}
