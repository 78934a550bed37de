package sampling

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// The first lines of each key pass, in each period anew, and the others are told
// of once it is over.
func TestSampler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		omitted := map[string]int{}
		s := Sampler[string]{Most: 3, Period: time.Second, LeftOut: func(key string, count int) { omitted[key] += count }}
		take := func(key string, times int) (passed int) {
			for range times {
				if s.Take(key) {
					passed++
				}
			}
			return passed
		}
		if a, b := take("a", 1000), take("b", 2); a != 3 || b != 2 {
			t.Errorf("%d of a and %d of b passed", a, b)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if want := map[string]int{"a": 997}; !maps.Equal(omitted, want) {
			t.Errorf("left out %v, want %v", omitted, want)
		}
		if a := take("a", 5); a != 3 {
			t.Errorf("%d passed in the next period", a)
		}
		s.Flush()
		s.Flush()
		if omitted["a"] != 999 {
			t.Errorf("after the end %v", omitted)
		}
		time.Sleep(time.Minute)
		if len(s.periods) != 0 {
			t.Errorf("%d periods are kept", len(s.periods))
		}
	})
}

// However many keys there are, memory and lines are bounded.
func TestKeysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		omitted := map[int]int{}
		s := Sampler[int]{Most: 1, Period: time.Second, LeftOut: func(key, count int) { omitted[key] += count }}
		passed := 0
		for key := range 10 * maxKeys {
			if s.Take(key + 1) {
				passed++
			}
		}
		if len(s.periods) > maxKeys+1 || passed != maxKeys+1 {
			t.Errorf("%d keys, %d lines", len(s.periods), passed)
		}
		s.Flush()
		if want := map[int]int{0: 9*maxKeys - 1}; !maps.Equal(omitted, want) {
			t.Errorf("left out %v, want %v", omitted, want)
		}
	})
}
