package pace

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func begin() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// The registry counts no more in any window than the budget allows, whatever
// questions come when and cost what.
func TestBudgetInAnyWindow(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		limit := Reserve + random.IntN(60)
		b := Budgets{Limit: func(string) int { return limit }}
		var requests []time.Time
		now, asked := begin(), 0
		var ends []time.Time
		for range 5000 {
			now = now.Add(time.Duration(random.Int64N(int64(20 * time.Second))))
			for len(ends) > 0 && ends[0].Before(now) {
				b.End("r", true)
				ends = ends[1:]
			}
			if _, ok := b.Begin("r", now); !ok {
				continue
			}
			asked++
			last := now
			for range random.IntN(Reserve + 1) {
				b.Requested("r", last)
				requests = append(requests, last)
			}
			ends = append(ends, now.Add(time.Second))
		}
		for i := range requests {
			if j := i + limit; j < len(requests) && requests[j].Sub(requests[i]) < Window {
				t.Fatalf("seed %d: more than %d requests from %s to %s", seed, limit, requests[i], requests[j])
			}
		}
		if asked < 5 {
			t.Errorf("seed %d: only %d questions were asked", seed, asked)
		}
	}
}

// Begin says when there is room again: then there is, and not before.
func TestBudgetSaysWhen(t *testing.T) {
	b := Budgets{Limit: func(host string) int { return map[string]int{"small": 1, "r": 2 * Reserve}[host] }}
	now := begin()
	for i := range 15 {
		b.Requested("r", now.Add(time.Duration(i)*time.Minute))
	}
	now = now.Add(15 * time.Minute)
	again, ok := b.Begin("r", now)
	if want := begin().Add(4*time.Minute + Window); ok || !again.Equal(want) {
		t.Fatalf("%t, again at %s, want %s", ok, again, want)
	}
	if _, ok := b.Begin("r", again.Add(-time.Nanosecond)); ok {
		t.Error("there is room before")
	}
	if _, ok := b.Begin("r", again); !ok {
		t.Error("there is no room then")
	}
	if _, ok := b.Begin("small", now); !ok {
		t.Error("a budget below the reserve lets nothing through")
	}
	if again, ok := b.Begin("small", now); ok || !again.Equal(now.Add(time.Second)) {
		t.Errorf("two at a time: %t, %s", ok, again)
	}
}

// A registry that answers 429 is left alone, longer each time up to an hour, and
// it alone.
func TestPause(t *testing.T) {
	b := Budgets{Limit: func(string) int { return 1000 }}
	now := begin()
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		if _, ok := b.Begin("r", now); !ok {
			t.Fatalf("paused at %s", now)
		}
		b.EndLimited("r", 0, now)
		again, ok := b.Begin("r", now)
		if want := now.Add(time.Duration(minutes) * time.Minute); ok || !again.Equal(want) {
			t.Errorf("%t, again at %s, want %s", ok, again, want)
		}
		if _, ok := b.Begin("other", now); !ok {
			t.Error("another registry is paused")
		}
		now = again
	}
	_, _ = b.Begin("r", now)
	b.End("r", true)
	_, _ = b.Begin("r", now)
	b.EndLimited("r", 0, now)
	if again, _ := b.Begin("r", now); !again.Equal(now.Add(time.Minute)) {
		t.Errorf("after a good answer: %s", again)
	}
}

// A registry's own word on when it may be asked again counts, up to an hour, and
// one that says so in vain is left alone all the same.
func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct{ said, first, second time.Duration }{
		"nothing":   {0, time.Minute, 2 * time.Minute},
		"a moment":  {5 * time.Second, 5 * time.Second, 2 * time.Minute},
		"a while":   {10 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		"for years": {485009 * time.Hour, time.Hour, time.Hour},
	} {
		b := Budgets{Limit: func(string) int { return 1000 }}
		now := begin()
		for i, want := range []time.Duration{test.first, test.second} {
			_, _ = b.Begin("r", now)
			b.EndLimited("r", test.said, now)
			again, ok := b.Begin("r", now)
			if ok || !again.Equal(now.Add(want)) {
				t.Errorf("%s, time %d: again after %s, want %s", name, i+1, again.Sub(now), want)
			}
			now = again
		}
	}
}

// A question that ends without an answer, such as for a list of tags, does not put
// an end to the pauses.
func TestPausesGoOnWithoutAnAnswer(t *testing.T) {
	for answered, want := range map[bool]time.Duration{false: 2 * time.Minute, true: time.Minute} {
		b := Budgets{Limit: func(string) int { return 1000 }}
		now := begin()
		_, _ = b.Begin("r", now)
		b.EndLimited("r", 0, now)
		now = now.Add(time.Minute)
		_, _ = b.Begin("r", now)
		b.End("r", answered)
		_, _ = b.Begin("r", now)
		b.EndLimited("r", 0, now)
		if again, ok := b.Begin("r", now); ok || !again.Equal(now.Add(want)) {
			t.Errorf("answered %t: again after %s, want %s", answered, again.Sub(now), want)
		}
	}
}

// run lets an auditor work for a time, and says when it looked at what.
func run(s *Schedule, now time.Time, lasts time.Duration, broken func(string) bool) map[string][]time.Time {
	looks := map[string][]time.Time{}
	for end := now.Add(lasts); now.Before(end); {
		key, wait, ok := s.Next(now)
		if !ok {
			now = now.Add(wait)
			continue
		}
		looks[key] = append(looks[key], now)
		s.Done(key, broken(key), now)
	}
	return looks
}

func filled(n int, now time.Time) *Schedule {
	s := &Schedule{Interval: 6 * time.Hour}
	for i := range n {
		s.Add(fmt.Sprint("shop/", i), fmt.Sprint("image:", i), now)
	}
	return s
}

func never(string) bool { return false }

// Each is looked at once in an interval, evenly.
func TestSpread(t *testing.T) {
	now := begin().Add(1234 * time.Second)
	looks := run(filled(2000, now), now, 24*time.Hour, never)
	perHour := map[int]int{}
	for key, times := range looks {
		if len(times) < 3 || len(times) > 4 {
			t.Errorf("%s was looked at %d times in four intervals", key, len(times))
		}
		for _, at := range times {
			perHour[int(at.Sub(now)/time.Hour)]++
		}
	}
	for hour, n := range perHour {
		if n < 230 || n > 440 {
			t.Errorf("%d in hour %d, of 333 on average", n, hour)
		}
	}
	if len(looks) != 2000 {
		t.Errorf("%d were looked at", len(looks))
	}
}

// A restart causes no storm: at most one in a hundred is looked at in its first
// three minutes.
func TestRestart(t *testing.T) {
	now := begin().Add(5 * time.Hour)
	if n := len(run(filled(2000, now), now, 3*time.Minute, never)); n > 20 {
		t.Errorf("%d of 2000 at once", n)
	}
}

func TestBrokenIsLookedAtAgain(t *testing.T) {
	s := &Schedule{Interval: 6 * time.Hour}
	s.Change("a", "image", begin())
	looks := run(s, begin(), 4*time.Hour, func(string) bool { return true })["a"]
	var gaps []time.Duration
	for i := 1; i < len(looks); i++ {
		gaps = append(gaps, looks[i].Sub(looks[i-1]))
	}
	if want := "[5m0s 10m0s 20m0s 40m0s 1h0m0s 1h0m0s]"; fmt.Sprint(gaps) != want {
		t.Errorf("%v, want %s", gaps, want)
	}
}

// What asks alike is looked at together, so that the registry is asked once.
func TestAlike(t *testing.T) {
	now := begin()
	s := &Schedule{Interval: 6 * time.Hour}
	s.Add("a", "image", now)
	s.Add("b", "image", now)
	s.Change("b", "image", now)
	looks := run(s, now, 24*time.Hour, never)
	if a, b := looks["a"], looks["b"]; !a[len(a)-1].Equal(b[len(b)-1]) {
		t.Errorf("%v and %v", a, b)
	}
}

func TestChanges(t *testing.T) {
	now := begin()
	s := filled(100, now)
	s.Change("shop/7", "image:8", now)
	s.Change("new", "image:9", now)
	for range 2 {
		key, _, ok := s.Next(now)
		if !ok || key != "shop/7" && key != "new" {
			t.Fatalf("%q, %t", key, ok)
		}
		s.Change(key, "image:10", now) // again, while it is looked at
		s.Done(key, false, now)
	}
	if key, _, ok := s.Next(now); !ok || key != "shop/7" && key != "new" {
		t.Errorf("what changed meanwhile is not due: %q, %t", key, ok)
	} else {
		s.Defer(key, now.Add(time.Minute), now)
	}
	key, _, ok := s.Next(now)
	if !ok {
		t.Fatal("the other is not due")
	}
	s.Remove(key)
	s.Done(key, true, now)
	if _, wait, ok := s.Next(now); ok || wait > time.Minute {
		t.Errorf("after Defer: %t, %s", ok, wait)
	}
	for i := range 100 {
		s.Remove(fmt.Sprint("shop/", i))
	}
	s.Remove("new")
	if _, wait, ok := s.Next(now); ok || wait != s.Interval {
		t.Errorf("empty: %t, %s", ok, wait)
	}
}

// What has changed goes before all that is due, until it was looked at.
func TestChangedComesFirst(t *testing.T) {
	now := begin()
	s := filled(100, now)
	now = now.Add(6 * time.Hour) // all are due
	s.Change("new", "new", now)
	s.Change("7", "changed", now)
	for i := range 4 {
		key, _, ok := s.Next(now)
		if changed := key == "new" || key == "7"; !ok || changed != (i < 2 || i == 3) {
			t.Errorf("%d: %s, %t", i, key, ok)
		}
		switch i {
		case 0:
			s.Done(key, false, now)
		case 1:
			s.Defer(key, now.Add(time.Minute), now) // there was no room
		case 2:
			now = now.Add(time.Minute)
		}
	}
}

// A restart changes nothing: what was looked at is looked at again in its time,
// and what was missed is spread.
func TestResume(t *testing.T) {
	now := begin()
	before := filled(1000, now)
	looked := map[string]time.Time{}
	for key, looks := range run(before, now, 9*time.Hour, func(string) bool { return false }) {
		looked[key] = looks[len(looks)-1]
	}
	for _, down := range []time.Duration{0, time.Minute, 5 * time.Hour} {
		now := begin().Add(9*time.Hour + down)
		after := &Schedule{Interval: 6 * time.Hour}
		for key, at := range looked {
			after.Resume(key, key, at, 0, now)
		}
		after.Resume("broken", "broken", now.Add(-down), 7*time.Minute, now)
		after.Resume("broken", "broken", now.Add(-down), 0, now)
		soon, hour := 0, 0
		for key, looks := range run(after, now, 6*time.Hour, func(string) bool { return false }) {
			if key == "broken" && down < time.Hour && looks[0].Sub(now.Add(-down)) != 7*time.Minute {
				t.Errorf("broken: %s", looks[0].Sub(now))
			}
			if looks[0].Sub(now) < time.Minute {
				soon++
			}
			if looks[0].Sub(now) < time.Hour {
				hour++
			}
			if len(looks) > 2 || looks[0].Sub(now) > 6*time.Hour {
				t.Errorf("%s: %v", key, looks)
			}
		}
		if soon > 35 || down < time.Hour && hour > 230 {
			t.Errorf("down for %s: %d within a minute, %d within an hour", down, soon, hour)
		}
	}
}
