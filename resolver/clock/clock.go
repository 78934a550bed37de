package clock

import (
	"context"
	"sync"
	"time"
)

type key struct{}

// clock ends a context when its time has run out.
type clock struct {
	mu      sync.Mutex
	timer   *time.Timer
	since   time.Time // when it began to run
	left    time.Duration
	stopped int // by how many
}

// Limit returns a context that ends with ctx or when its time has run out, with
// the cause context.DeadlineExceeded. It has no deadline but that of ctx, since
// Stop puts its end off.
func Limit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &clock{since: time.Now(), left: limit}
	c.timer = time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	return context.WithValue(ctx, key{}, c), func() {
		c.timer.Stop()
		cancel(context.Canceled)
	}
}

// Stop lets the time of a context of Limit's stand still until the function that
// it returns is called, once. With another context it does nothing.
func Stop(ctx context.Context) (start func()) {
	c, ok := ctx.Value(key{}).(*clock)
	if !ok {
		return func() {}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped++; c.stopped == 1 && c.timer.Stop() {
		c.left -= time.Since(c.since)
	}
	return c.start
}

// start lets the time go on when all who stopped it have started it.
func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped--; c.stopped == 0 {
		c.since = time.Now()
		c.timer.Reset(c.left)
	}
}
