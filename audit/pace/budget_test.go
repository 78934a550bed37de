package pace

import (
	"math/rand/v2"
	"testing"
	"time"
)

// exceeded tells where a host has had more than its limit within a window.
func exceeded(requests []time.Time, limit int) (from time.Time, so bool) {
	for i := range requests {
		if j := i + limit; j < len(requests) && requests[j].Sub(requests[i]) < Window {
			return requests[i], true
		}
	}
	return from, false
}

// Nobody counts more in any window than the budget allows, whatever questions come
// when, ask whom and cost what.
func TestBudgetInAnyWindow(t *testing.T) {
	hosts := []string{"r", "mirror", "tokens"}
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		limits := map[string]int{"r": Reserve + random.IntN(60), "mirror": Reserve + random.IntN(60), "tokens": Reserve + random.IntN(60)}
		b := Budgets{Limit: func(host string) int { return limits[host] }}
		requests := map[string][]time.Time{}
		now, answered := begin(), 0
		type running struct {
			*Question
			ends time.Time
		}
		var under []running
		for range 5000 {
			now = now.Add(time.Duration(random.Int64N(int64(20 * time.Second))))
			for len(under) > 0 && under[0].ends.Before(now) {
				b.End(under[0].Question, true)
				under = under[1:]
			}
			q := &Question{Registry: "r"}
			if _, ok := b.Begin(q, now); !ok {
				t.Fatal("it is paused")
			}
			under = append(under, running{q, now.Add(time.Minute)})
			all := true
			for range random.IntN(3 * Reserve) {
				host := hosts[random.IntN(len(hosts))]
				if _, all = b.Send(q, host, now); !all {
					break
				}
				requests[host] = append(requests[host], now)
			}
			if all {
				answered++
			}
		}
		for _, host := range hosts {
			if from, so := exceeded(requests[host], limits[host]); so {
				t.Fatalf("seed %d: more than %d requests to %s in the hour from %s", seed, limits[host], host, from)
			}
		}
		if answered < 5 {
			t.Errorf("seed %d: only %d questions came to their end", seed, answered)
		}
	}
}

// ask puts a question that costs a host so much, as often as it takes, and says
// what the host had of it.
func ask(b *Budgets, q *Question, host string, cost int, now *time.Time) (requests []time.Time) {
	for range 100 {
		if again, ok := b.Begin(q, *now); !ok {
			*now = again
			continue
		}
		sent := 0
		for ; sent < cost; sent++ {
			again, ok := b.Send(q, host, *now)
			if !ok {
				b.End(q, false)
				*now = again
				break
			}
			requests = append(requests, *now)
		}
		if sent == cost {
			b.End(q, true)
			return requests
		}
		if q.TooDear != "" {
			return requests
		}
	}
	return requests
}

// A question that costs more than was thought is put again when there is room for
// it, and one that costs more than there can ever be room for is named.
func TestDearQuestions(t *testing.T) {
	for cost, tooDear := range map[int]string{Reserve: "", 35: "", 60: "", 61: "mirror"} {
		b := Budgets{Limit: func(string) int { return 60 }}
		now, q := begin(), &Question{Registry: "r"}
		for range 30 {
			other := &Question{Registry: "r"}
			_, _ = b.Begin(other, now)
			b.Send(other, "mirror", now)
			b.End(other, true)
		}
		requests := ask(&b, q, "mirror", cost, &now)
		if q.TooDear != tooDear {
			t.Errorf("%d requests: too dear for %q, want %q", cost, q.TooDear, tooDear)
		}
		if dear := q.Cost()["mirror"]; cost > Reserve && tooDear == "" && dear != cost {
			t.Errorf("%d requests: it is said to cost %d", cost, dear)
		}
		if from, so := exceeded(requests, 60); so {
			t.Errorf("%d requests: more than 60 in the hour from %s", cost, from)
		}
		if now.Sub(begin()) > 4*Window {
			t.Errorf("%d requests: it took %s", cost, now.Sub(begin()))
		}
	}
}

// While what is spent is kept, a host gets a tenth of its budget in between, and
// what a dear question costs only when that is kept, for it is lost with an auditor
// that dies.
func TestKeptAllowance(t *testing.T) {
	b := Budgets{Limit: func(string) int { return 200 }, Kept: true}
	now := begin()
	q := &Question{Registry: "r"}
	send := func() (n int) {
		_, _ = b.Begin(q, now)
		defer func() { b.End(q, false) }()
		for ; n < 50; n++ {
			if _, ok := b.Send(q, "r", now); !ok {
				break
			}
		}
		return n
	}
	if n := send(); n != 40 {
		t.Errorf("%d requests before it is kept, want a fifth", n)
	}
	if n := send(); n != 0 {
		t.Errorf("%d requests of a dear question before its cost is kept", n)
	}
	for n, more := 0, 2; n < 50; more-- {
		if more == 0 {
			t.Fatal("it is not put though its cost is kept")
		}
		_, fresh, kept := b.Spent(now)
		if kept(); fresh == 0 {
			t.Error("nothing is new to keep")
		}
		n = send()
	}
	all, _, _ := b.Spent(now)
	died := Budgets{Limit: b.Limit}
	died.Resume(all, false, now)
	had := 0
	for _, n := range all["r"].Minutes {
		had += n
	}
	left := 0
	for q := (&Question{Registry: "r"}); ; left++ {
		_, _ = died.Begin(q, now)
		if _, ok := died.Send(q, "r", now); !ok {
			break
		}
	}
	if unkept := 100; had+left > 200-unkept {
		t.Errorf("%d were kept and %d are left of 200, of which %d may have been sent since", had, left, unkept)
	}
	fresher := &Question{Registry: "new"}
	_, _ = died.Begin(fresher, now)
	for range 160 {
		if _, ok := died.Send(fresher, "new", now); !ok {
			t.Fatal("a host that is new has no budget")
		}
	}
	if _, ok := died.Send(fresher, "new", now); ok {
		t.Error("of a host of which nothing was kept, nothing counts as spent")
	}
}

// Send says when there is room again: then there is, and not before.
func TestBudgetSaysWhen(t *testing.T) {
	b := Budgets{Limit: func(host string) int { return map[string]int{"small": 1, "r": 2 * Reserve}[host] }}
	now := begin()
	for i := range 15 {
		at := now.Add(time.Duration(i) * time.Minute)
		q := &Question{Registry: "r"}
		_, _ = b.Begin(q, at)
		if _, ok := b.Send(q, "r", at); i < 11 && !ok {
			t.Fatalf("request %d is not let through", i)
		}
		b.End(q, true)
	}
	now = now.Add(15 * time.Minute)
	first := func(host string, at time.Time) (time.Time, bool) {
		q := &Question{Registry: host}
		_, _ = b.Begin(q, at)
		defer b.End(q, false)
		return b.Send(q, host, at)
	}
	again, ok := first("r", now)
	if want := begin().Add(Window); ok || !again.Equal(want) {
		t.Fatalf("%t, again at %s, want %s", ok, again, want)
	}
	if _, ok := first("r", again.Add(-time.Nanosecond)); ok {
		t.Error("there is room before")
	}
	if _, ok := first("r", again); !ok {
		t.Error("there is no room then")
	}
	one := &Question{Registry: "small"}
	_, _ = b.Begin(one, now)
	if _, ok := b.Send(one, "small", now); !ok {
		t.Error("a budget below the reserve lets nothing through")
	}
	if again, ok := first("small", now); ok || !again.Equal(now.Add(time.Second)) {
		t.Errorf("two at a time: %t, %s", ok, again)
	}
}

// A registry that answers 429 is left alone, longer each time up to an hour, and
// it alone.
func TestPause(t *testing.T) {
	b := Budgets{Limit: func(string) int { return 1000 }}
	now := begin()
	q, other := &Question{Registry: "r"}, &Question{Registry: "other"}
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		if _, ok := b.Begin(q, now); !ok {
			t.Fatalf("paused at %s", now)
		}
		b.EndLimited(q, 0, now)
		again, ok := b.Begin(q, now)
		if want := now.Add(time.Duration(minutes) * time.Minute); ok || !again.Equal(want) {
			t.Errorf("%t, again at %s, want %s", ok, again, want)
		}
		if _, ok := b.Begin(other, now); !ok {
			t.Error("another registry is paused")
		}
		now = again
	}
	_, _ = b.Begin(q, now)
	b.End(q, true)
	_, _ = b.Begin(q, now)
	b.EndLimited(q, 0, now)
	if again, _ := b.Begin(q, now); !again.Equal(now.Add(time.Minute)) {
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
		now, q := begin(), &Question{Registry: "r"}
		for i, want := range []time.Duration{test.first, test.second} {
			_, _ = b.Begin(q, now)
			b.EndLimited(q, test.said, now)
			again, ok := b.Begin(q, now)
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
		now, q := begin(), &Question{Registry: "r"}
		_, _ = b.Begin(q, now)
		b.EndLimited(q, 0, now)
		now = now.Add(time.Minute)
		_, _ = b.Begin(q, now)
		b.End(q, answered)
		_, _ = b.Begin(q, now)
		b.EndLimited(q, 0, now)
		if again, ok := b.Begin(q, now); ok || !again.Equal(now.Add(want)) {
			t.Errorf("answered %t: again after %s, want %s", answered, again.Sub(now), want)
		}
	}
}
