package sampling

import (
	"sync"
	"time"
)

// maxKeys bounds what is counted apart; whatever comes in addition shares the
// zero key.
const maxKeys = 1000

// Sampler lets the first lines of each key in a period through. It must not be
// copied.
type Sampler[K comparable] struct {
	// Most is how many lines of a key there are in a period, which begins with
	// the first of them.
	Most int
	// Period is how long that counts.
	Period time.Duration
	// LeftOut is told at the end of a period how many of a key were left out, if
	// any were.
	LeftOut func(key K, count int)

	mu      sync.Mutex
	periods map[K]*period
}

// period is one of a key.
type period struct {
	lines int
	end   *time.Timer
}

// Take tells whether one more line of a key is to be written.
func (s *Sampler[K]) Take(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.periods == nil {
		s.periods = map[K]*period{}
	}
	current := s.periods[key]
	if current == nil && len(s.periods) >= maxKeys {
		var others K
		key, current = others, s.periods[others]
	}
	if current == nil {
		current = &period{end: time.AfterFunc(s.Period, func() { s.finish(key) })}
		s.periods[key] = current
	}
	current.lines++
	return current.lines <= s.Most
}

// finish ends the period of a key.
func (s *Sampler[K]) finish(key K) {
	s.mu.Lock()
	ended := s.periods[key]
	delete(s.periods, key)
	s.mu.Unlock()
	if ended == nil {
		return // somebody else was quicker
	}
	ended.end.Stop()
	if ended.lines > s.Most {
		s.LeftOut(key, ended.lines-s.Most)
	}
}

// Flush ends all periods: nothing that was left out goes untold at the end.
func (s *Sampler[K]) Flush() {
	s.mu.Lock()
	keys := make([]K, 0, len(s.periods))
	for key := range s.periods {
		keys = append(keys, key)
	}
	s.mu.Unlock()
	for _, key := range keys {
		s.finish(key)
	}
}
