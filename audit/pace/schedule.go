package pace

import (
	"container/heap"
	"hash/fnv"
	"time"
)

const (
	// firstRetry is after how long something broken is looked at again, twice as
	// long with each further time, up to maxRetry.
	firstRetry = 5 * time.Minute
	maxRetry   = time.Hour
)

// Schedule says which subject is due. Its zero value, with an Interval, is empty;
// it is not for concurrent use.
type Schedule struct {
	// Interval is after how long each is looked at again.
	Interval time.Duration

	subjects map[string]*subject
	queue    queue
	// first is that of what has changed and was not looked at since.
	first queue
}

// subject is one that is looked at time and again.
type subject struct {
	key   string
	like  string // what it asks; equal ones have the same times
	due   time.Time
	retry time.Duration // of what is broken; 0: it is not
	index int           // in its queue; -1: it is being looked at
	first bool          // it has changed
	stale bool          // it changed while it was being looked at
}

// Add takes a subject up that was there before, at its own time within the
// interval: the same whenever the auditor begins, so that a restart causes no
// storm. Subjects that ask alike have the same times, so that it is asked once.
func (s *Schedule) Add(key, like string, now time.Time) {
	if s.subjects[key] == nil {
		s.add(&subject{key: key, like: like, due: s.next(like, now, 0)})
	}
}

// Resume takes a subject up that was looked at before the auditor began, and how
// long ago it began to be broken; 0: it is not. What should have been looked at
// meanwhile is within a sixth of the interval, each at a time of its own.
func (s *Schedule) Resume(key, like string, looked time.Time, brokenFor time.Duration, now time.Time) {
	if s.subjects[key] != nil {
		return
	}
	one := &subject{key: key, like: like, due: s.next(like, looked, s.Interval/2)}
	if brokenFor > 0 {
		one.retry = min(max(firstRetry, brokenFor), maxRetry)
		if retry := looked.Add(one.retry); retry.Before(one.due) {
			one.due = retry
		}
	}
	if one.due.Before(now) {
		one.due = now.Add(s.next(like, now, 0).Sub(now) / 6)
	}
	s.add(one)
}

// Change takes a subject up that is new or has changed: it is due at once.
func (s *Schedule) Change(key, like string, now time.Time) {
	one := s.subjects[key]
	switch {
	case one == nil:
		s.add(&subject{key: key, like: like, due: now, first: true})
	case one.index < 0:
		one.like, one.stale = like, true
	default:
		heap.Remove(s.queueOf(one), one.index)
		one.like, one.due, one.retry, one.first = like, now, 0, true
		heap.Push(s.queueOf(one), one)
	}
}

func (s *Schedule) queueOf(one *subject) *queue {
	if one.first {
		return &s.first
	}
	return &s.queue
}

// Remove lets a subject go.
func (s *Schedule) Remove(key string) {
	one := s.subjects[key]
	if one == nil {
		return
	}
	delete(s.subjects, key)
	if one.index >= 0 {
		heap.Remove(s.queueOf(one), one.index)
	}
}

// Next returns a subject that is due, what has changed before all others, to be
// given back by Done or Defer; else how long none will be.
func (s *Schedule) Next(now time.Time) (key string, wait time.Duration, ok bool) {
	wait = s.Interval
	for _, q := range []*queue{&s.first, &s.queue} {
		switch {
		case len(*q) == 0:
		case (*q)[0].due.After(now):
			wait = min(wait, (*q)[0].due.Sub(now))
		default:
			one, _ := heap.Pop(q).(*subject)
			return one.key, 0, true
		}
	}
	return "", wait, false
}

// Done gives a subject back that was looked at.
func (s *Schedule) Done(key string, broken bool, now time.Time) {
	one := s.subjects[key]
	if one == nil || one.index >= 0 {
		return // it is gone, or another of the name
	}
	one.first = false
	due := s.next(one.like, now, s.Interval/2)
	if broken {
		one.retry = min(max(firstRetry, 2*one.retry), maxRetry)
		if retry := now.Add(one.retry); retry.Before(due) {
			due = retry
		}
	} else {
		one.retry = 0
	}
	s.put(one, due, now)
}

// Sooner has a subject looked at by a time, if it would be later.
func (s *Schedule) Sooner(key string, at time.Time) {
	one := s.subjects[key]
	if one == nil || one.index < 0 || !at.Before(one.due) {
		return
	}
	heap.Remove(s.queueOf(one), one.index)
	one.due = at
	heap.Push(s.queueOf(one), one)
}

// Defer gives a subject back that could not be looked at before a time.
func (s *Schedule) Defer(key string, until, now time.Time) {
	if one := s.subjects[key]; one != nil && one.index < 0 {
		s.put(one, until, now)
	}
}

func (s *Schedule) put(one *subject, due, now time.Time) {
	if one.stale {
		due, one.retry, one.stale, one.first = now, 0, false, true
	}
	one.due = due
	heap.Push(s.queueOf(one), one)
}

func (s *Schedule) add(one *subject) {
	if s.subjects == nil {
		s.subjects = map[string]*subject{}
	}
	s.subjects[one.key] = one
	heap.Push(s.queueOf(one), one)
}

// next is the next time of those that ask alike, not sooner than after a while: a
// hash spreads them over the interval.
func (s *Schedule) next(like string, now time.Time, after time.Duration) time.Time {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(like)) // it never fails
	interval := max(s.Interval, time.Second)
	phase := time.Duration(hash.Sum64() % uint64(interval)) //nolint:gosec // it is less than a Duration
	due := now.Truncate(interval).Add(phase)
	for !due.After(now.Add(after)) {
		due = due.Add(interval)
	}
	return due
}

// queue is a heap of subjects, the one that is due first on top.
type queue []*subject

// Len, Less, Swap, Push and Pop are heap.Interface's.
func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push adds a subject.
func (q *queue) Push(x any) {
	one, _ := x.(*subject)
	one.index = len(*q)
	*q = append(*q, one)
}

// Pop takes the last subject off.
func (q *queue) Pop() any {
	last := len(*q) - 1
	one := (*q)[last]
	*q, one.index = (*q)[:last], -1
	return one
}
