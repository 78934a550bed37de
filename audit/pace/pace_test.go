package pace

import (
	"fmt"
	"testing"
	"time"
)

func begin() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

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

// What is to be looked at sooner is, and what is due before stays so.
func TestSooner(t *testing.T) {
	now := begin()
	s := &Schedule{Interval: 6 * time.Hour}
	s.Change("a", "image", now)
	key, _, _ := s.Next(now)
	s.Sooner(key, now) // it is being looked at
	s.Done(key, false, now)
	s.Sooner("a", now.Add(time.Hour))
	s.Sooner("a", now.Add(24*time.Hour))
	s.Sooner("gone", now)
	if _, wait, ok := s.Next(now); ok || wait != time.Hour {
		t.Errorf("%t, in %s", ok, wait)
	}
	if key, _, ok := s.Next(now.Add(time.Hour)); !ok || key != "a" {
		t.Errorf("%q, %t", key, ok)
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
