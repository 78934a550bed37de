package coalesce

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Group makes one of equal questions, by their key. The zero value is ready; it
// is safe for concurrent use.
type Group[K comparable, V any] struct {
	// Life is the longest that a question is under way. So long it goes on, for
	// whoever asks next, though nobody waits. Zero: a question lasts as long as
	// somebody waits.
	Life time.Duration

	mu    sync.Mutex
	under map[K]*question[V]
}

// question is one that is under way.
type question[V any] struct {
	done   chan struct{}
	asked  context.Context //nolint:containedctx // whoever joins may look at what the first asker's says
	value  V
	err    error
	askers int
	cancel context.CancelCauseFunc
}

// PanicError is what a question whose answering panicked comes to.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the type alone: the value may be a secret. The stack is for logs.
func (e *PanicError) Error() string { return fmt.Sprintf("an internal error of pullgate: %T", e.Value) }

// Ask returns the answer to a question, and whether it had been put before.
// Put runs with the values of the first asker's context, which ends when all
// askers have gone, or when the group's Life is over. The error is put's, a
// *PanicError, or wraps the cause of the end of ctx, after which nobody waits
// here.
func (g *Group[K, V]) Ask(ctx context.Context, key K, put func(context.Context) (V, error)) (value V, joined bool, err error) {
	return g.Join(ctx, key, put, func(context.Context) {})
}

// Join is Ask, and tells joins of the question that had been put before, by its
// context, before it waits for the answer.
func (g *Group[K, V]) Join(ctx context.Context, key K, put func(context.Context) (V, error), joins func(context.Context)) (value V, joined bool, err error) {
	g.mu.Lock()
	q, joined := g.under[key]
	if !joined {
		q = g.start(ctx, key, put)
	}
	q.askers++
	g.mu.Unlock()
	defer func() { g.leave(key, q, context.Cause(ctx)) }()
	if joined {
		joins(q.asked) //nolint:contextcheck // the question's, not the asker's
	}
	select {
	case <-q.done:
		return q.value, joined, q.err
	case <-ctx.Done():
		return value, joined, fmt.Errorf("no answer in time: %w", context.Cause(ctx))
	}
}

// start puts a question, with the lock held.
func (g *Group[K, V]) start(ctx context.Context, key K, put func(context.Context) (V, error)) *question[V] {
	if g.under == nil {
		g.under = map[K]*question[V]{}
	}
	ctx, cancel := g.life(context.WithoutCancel(ctx))
	q := &question[V]{done: make(chan struct{}), asked: ctx, cancel: cancel}
	g.under[key] = q
	go func() {
		defer cancel(nil)
		value, err := guarded(ctx, put)
		g.mu.Lock()
		defer g.mu.Unlock()
		q.value, q.err = value, err
		g.forget(key, q)
		close(q.done)
	}()
	return q
}

// life is the context of a question.
func (g *Group[K, V]) life(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if g.Life == 0 {
		return ctx, cancel
	}
	ctx, stop := context.WithTimeout(ctx, g.Life)
	return ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// guarded makes an error of a panic: nobody else would catch it.
func guarded[V any](ctx context.Context, put func(context.Context) (V, error)) (value V, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = &PanicError{Value: thrown, Stack: debug.Stack()}
		}
	}()
	return put(ctx)
}

// leave ends a question for which nobody waits any more, for the last asker's
// cause, unless it has a life of its own.
func (g *Group[K, V]) leave(key K, q *question[V], cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.askers--; q.askers == 0 && g.Life == 0 {
		q.cancel(cause)
		g.forget(key, q) // who asks now gets an answer of their own
	}
}

func (g *Group[K, V]) forget(key K, q *question[V]) {
	if g.under[key] == q {
		delete(g.under, key)
	}
}
