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
}

// subject is one that is looked at time and again.
type subject struct {
	key   string
	like  string // what it asks; equal ones have the same times
	due   time.Time
	retry time.Duration // of what is broken; 0: it is not
	index int           // in the queue; -1: it is being looked at
	stale bool          // it changed while it was being looked at
}

// Add takes a subject up that was there before, at its own time within the
// interval: the same whenever the auditor begins, so that a restart causes no
// storm. Subjects that ask alike have the same times, so that it is asked once.
func (s *Schedule) Add(key, like string, now time.Time) {
	if s.subjects[key] == nil {
		s.add(key, like, s.next(like, now, 0))
	}
}

// Change takes a subject up that is new or has changed: it is due at once.
func (s *Schedule) Change(key, like string, now time.Time) {
	one := s.subjects[key]
	switch {
	case one == nil:
		s.add(key, like, now)
	case one.index < 0:
		one.like, one.stale = like, true
	default:
		one.like, one.due, one.retry = like, now, 0
		heap.Fix(&s.queue, one.index)
	}
}

// Remove lets a subject go.
func (s *Schedule) Remove(key string) {
	one := s.subjects[key]
	if one == nil {
		return
	}
	delete(s.subjects, key)
	if one.index >= 0 {
		heap.Remove(&s.queue, one.index)
	}
}

// Next returns a subject that is due, to be given back by Done or Defer; else how
// long none will be.
func (s *Schedule) Next(now time.Time) (key string, wait time.Duration, ok bool) {
	if len(s.queue) == 0 {
		return "", s.Interval, false
	}
	if first := s.queue[0]; first.due.After(now) {
		return "", first.due.Sub(now), false
	}
	one, _ := heap.Pop(&s.queue).(*subject)
	return one.key, 0, true
}

// Done gives a subject back that was looked at.
func (s *Schedule) Done(key string, broken bool, now time.Time) {
	one := s.subjects[key]
	if one == nil || one.index >= 0 {
		return // it is gone, or another of the name
	}
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

// Defer gives a subject back that could not be looked at before a time.
func (s *Schedule) Defer(key string, until, now time.Time) {
	if one := s.subjects[key]; one != nil && one.index < 0 {
		s.put(one, until, now)
	}
}

func (s *Schedule) put(one *subject, due, now time.Time) {
	if one.stale {
		due, one.retry, one.stale = now, 0, false
	}
	one.due = due
	heap.Push(&s.queue, one)
}

func (s *Schedule) add(key, like string, due time.Time) {
	if s.subjects == nil {
		s.subjects = map[string]*subject{}
	}
	one := &subject{key: key, like: like, due: due}
	s.subjects[key] = one
	heap.Push(&s.queue, one)
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
