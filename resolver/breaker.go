package resolver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxUnanswered is for how many questions in a row a registry may owe the
	// answer before it is asked no more for a while.
	maxUnanswered = 5
	// lateAfter is when an answer is owed, be it that it may still come: about
	// half of the API server's patience.
	lateAfter = 5 * time.Second
	// retryAfter is how often such a registry is asked all the same, by one
	// question, to see whether it answers again.
	retryAfter = 3 * time.Second
)

// errGivenUp is why a question is not put.
var errGivenUp = errors.New("it has not answered for some time, and is asked by one question every few seconds until it does")

// breaker keeps what waits for a registry that does not answer from taking the
// others' room and time: what is asked of it is unknown at once. A nil breaker
// never does.
type breaker struct {
	mu         sync.Mutex
	unanswered int
	next       time.Time                         // when one question may be put although it is open
	queued     map[*context.CancelCauseFunc]bool // of those who wait for room
}

// open tells whether the registry is given up, with the lock held.
func (b *breaker) open() bool { return b.unanswered >= maxUnanswered }

// queue returns the context of a question that waits for room: it ends, too,
// when the registry is given up. The error is that it is already.
func (b *breaker) queue(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if b == nil {
		return ctx, func() {}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); b.open() {
		if now.Before(b.next) {
			return ctx, func() {}, errGivenUp
		}
		b.next = now.Add(retryAfter)
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	if b.queued == nil {
		b.queued = map[*context.CancelCauseFunc]bool{}
	}
	b.queued[&cancel] = true
	return ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.queued, &cancel)
		cancel(nil)
	}, nil
}

// puts is for a question that is put now, and returns what is to be told of the
// finding.
func (b *breaker) puts() (found func(context.Context, pull.Finding)) {
	if b == nil {
		return func(context.Context, pull.Finding) {}
	}
	var once sync.Once
	owed := func() { once.Do(b.owes) }
	late := time.AfterFunc(lateAfter, owed)
	return func(ctx context.Context, finding pull.Finding) {
		late.Stop()
		switch silent := finding.Reason == pull.RegistryUnreachable || finding.Reason == pull.Timeout; {
		case !silent:
			b.answered()
		case ctx.Err() == nil: // else nobody waited for it
			owed()
		}
	}
}

// owes counts an answer that did not come.
func (b *breaker) owes() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unanswered++; b.unanswered != maxUnanswered {
		return
	}
	b.next = time.Now().Add(retryAfter)
	for cancel := range b.queued {
		(*cancel)(errGivenUp)
	}
	clear(b.queued)
}

// answered is that the registry answers.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unanswered = 0
}
