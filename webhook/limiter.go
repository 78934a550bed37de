package webhook

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maxHeld bounds the AdmissionReviews that are held at a time, in bytes of
	// their bodies.
	maxHeld = 48 << 20
	// minShare is what the smallest counts for, with what it takes to check it.
	minShare = 16 << 10
	// grace is how long a body may take to arrive while others wait for room.
	// API servers send a body along with its header.
	grace = 250 * time.Millisecond
	// graceAfter is the same for one that has itself waited for room, in which
	// time the rest of it can have come.
	graceAfter = grace / 10
)

// errNoRoom is for the API server, which treats it by failurePolicy.
var errNoRoom = errors.New("too many AdmissionReviews at a time: give pullgate more replicas")

// limiter bounds the memory that reviews take. Bytes count once they are there:
// what a request announces of itself takes no room. The zero value is empty.
type limiter struct {
	once  sync.Once
	bytes *semaphore.Weighted

	mu       sync.Mutex
	arriving map[*share]struct{}
}

// share is what one review takes of a limiter.
type share struct {
	of   *limiter
	size int64
	// by is when the body has to be there, and hurried when it has to be if
	// others wait for room; expect sets either.
	by, hurried time.Time
	expect      func(time.Time) error
}

// enter begins a share, of no size yet, for a body that has to be there by some
// time. Expect sets that time anew, until the body has arrived.
func (l *limiter) enter(by time.Time, expect func(time.Time) error) *share {
	l.once.Do(func() {
		l.bytes = semaphore.NewWeighted(maxHeld)
		l.arriving = map[*share]struct{}{}
	})
	s := &share{of: l, by: by, expect: expect}
	s.arrives(grace)
	return s
}

// grow waits for room for so many bytes in all, until the context ends.
func (s *share) grow(ctx context.Context, size int64) error {
	more := size - s.size
	if more <= 0 {
		return nil
	}
	if !s.of.bytes.TryAcquire(more) {
		s.arrived() // it is not the body that others wait for now
		s.of.hurry()
		if s.size > 0 { // it must not keep others waiting while it holds room itself
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, grace)
			defer cancel()
		}
		if err := s.of.bytes.Acquire(ctx, more); err != nil {
			return errNoRoom
		}
		s.arrives(graceAfter)
	}
	s.size = size
	return nil
}

// hurry bounds the time of the bodies that are arriving, so that nobody waits
// for one that does not come.
func (l *limiter) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.arriving {
		_ = s.expect(earlier(s.by, s.hurried)) // a body without a connection is there already
	}
}

// arrives tells that the body is waited for, for so long if others wait for room.
func (s *share) arrives(grace time.Duration) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.hurried = time.Now().Add(grace)
	s.of.arriving[s] = struct{}{}
	_ = s.expect(s.by) // a body without a connection is there already
}

// arrived tells that the body is there.
func (s *share) arrived() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	delete(s.of.arriving, s)
}

// leave gives the room back.
func (s *share) leave() {
	s.arrived()
	s.of.bytes.Release(s.size)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
