package fair

import (
	"slices"
	"sync"
)

// Ticket is what flows wait with together, for the same: its holder is let in
// when the turn of any of them comes. It enters one Limiter at a time, and is
// safe for concurrent use.
type Ticket struct {
	mu    sync.Mutex
	flows []string
	// enqueue has the holder wait in one more flow's queue; nil while it does not
	// wait.
	enqueue func(flow string)
}

// NewTicket is one of a flow.
func NewTicket(flow string) *Ticket { return &Ticket{flows: []string{flow}} }

// Join adds a flow, be it that the holder waits already.
func (t *Ticket) Join(flow string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.flows, flow) {
		return
	}
	t.flows = append(t.flows, flow)
	if t.enqueue != nil {
		t.enqueue(flow)
	}
}

// queue has the holder wait in the queues of all its flows, and of those that
// join; nil ends that.
func (t *Ticket) queue(enqueue func(flow string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.enqueue = enqueue; enqueue == nil {
		return
	}
	for _, flow := range t.flows {
		enqueue(flow)
	}
}
