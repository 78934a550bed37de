//go:build linux

package chaos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

const (
	// slowAnswer is how long a registry takes that is slow, and not given up: a new
	// image costs three answers.
	slowAnswer = time.Second
	// nap is for how long an admission waits at the most: API servers wait ten
	// seconds for an answer, of which Pullgate leaves them one.
	nap = 9 * time.Second
)

// TestSlowRegistrySlowsNobody has 500 admissions wait all the time, and creates Pods
// of a registry that is well meanwhile: their 99th percentile is twice at the most
// what it is while none waits, or while as many wait for a webhook that does nothing
// but sleep, which is what the API server and the machine make of it. Of some rounds,
// in each of which all three are measured, the median counts.
func TestSlowRegistrySlowsNobody(t *testing.T) {
	const waiting, rounds, most = 500, 5, 2.0
	r := rigtest.Start(t, root, rig.Options{Config: rig.DefaultConfig + "cache: {positiveTTL: 200ms}\n"})
	good, hanging, asleep := newCrowd(t, r, "good", atOnce), newCrowd(t, r, "hanging", waiting), newCrowd(t, r, dormitory, waiting)
	slow, sleeping := slowRegistry(t), newSleeper(t, asleep)
	good.takes(t, time.Second) // until all is known that is known from then on
	var beside, besideSleep []float64
	for round := range rounds {
		alone := good.takes(t, measured)
		over := asleep.keepWaiting(t, waiting, func(int, int) string { return podOf(slow+"/new/asleep:1.0", "") })
		await(t, "admissions to sleep", func() bool { return sleeping.Load() >= waiting*9/10 })
		whileAsleep := good.takes(t, measured)
		over()
		over = hanging.keepWaiting(t, waiting, func(worker, turn int) string {
			return podOf(fmt.Sprintf("%s/new/%d-%d-%d:1.0", slow, round, worker, turn), "")
		})
		await(t, "admissions to wait", func() bool { return good.gate(t, "pullgate_admission_in_flight") >= waiting*9/10 })
		whileHanging := good.takes(t, measured)
		over()
		beside = append(beside, whileHanging.through(alone))
		besideSleep = append(besideSleep, whileAsleep.through(alone))
		t.Logf("alone %s; while %d sleep %s: %.2f; while as many hang on a registry %s: %.2f", alone, waiting, whileAsleep, whileAsleep.through(alone), whileHanging, whileHanging.through(alone))
	}
	ratio, floor := median(beside), max(1, median(besideSleep))
	t.Logf("99th percentile, in the median of %d rounds: %.2f times that alone, %.2f while as many sleep", rounds, ratio, floor)
	if ratio > most*floor {
		t.Errorf("%.2f, want %.1f times %.2f at the most", ratio, most, floor)
	}
}

// measured is for how long what admissions take is measured at a time: for some
// thousand of them.
const measured = 8 * time.Second

// slowRegistry has every image below new/, and takes its time.
func slowRegistry(t *testing.T) (host string) {
	t.Helper()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(slowAnswer):
			minting{http.NotFoundHandler()}.ServeHTTP(w, q)
		case <-q.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	return strings.TrimPrefix(slow.URL, "http://")
}

// keepWaiting has so many admissions wait, until it is over. They begin one after the
// other, so that they do not end, and begin again, all at once.
func (c *crowd) keepWaiting(t *testing.T, many int, pod func(worker, turn int) string) (over func()) {
	var ended atomic.Bool
	var group sync.WaitGroup
	for worker := range many {
		group.Go(func() {
			time.Sleep(time.Duration(worker) * nap / time.Duration(many))
			for turn := 0; !ended.Load(); turn++ {
				c.create(t, pod(worker, turn))
			}
		})
	}
	return func() {
		ended.Store(true)
		group.Wait()
	}
}

// spread is what admissions took.
type spread struct {
	median, most time.Duration // the 50th and the 99th percentile
	own          time.Duration // the 99th of what Pullgate took of it, about
	of           int
}

// String is for the log.
func (s spread) String() string {
	return fmt.Sprintf("%s (median %s, Pullgate's own %s, of %d)", s.most.Round(10*time.Microsecond), s.median.Round(10*time.Microsecond), s.own.Round(10*time.Microsecond), s.of)
}

// through is how many times as long the slowest took.
func (s spread) through(other spread) float64 { return s.most.Seconds() / other.most.Seconds() }

// takes creates Pods for some time, a few at a time and not without pause, and
// returns what that took.
func (c *crowd) takes(t *testing.T, during time.Duration) spread {
	t.Helper()
	const askers, pause = 4, 10 * time.Millisecond
	before, until := c.quick(t), time.Now().Add(during)
	var mu sync.Mutex
	var all []time.Duration
	var group sync.WaitGroup
	for asker := range askers {
		group.Go(func() {
			for turn := 0; time.Now().Before(until); turn++ {
				began := time.Now()
				c.create(t, podOf(c.rig.Lab.Open.Ref(fmt.Sprintf("shop/worker-%02d:1.0", (5*asker+turn)%20)), ""))
				mu.Lock()
				all = append(all, time.Since(began))
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	group.Wait()
	slices.Sort(all)
	return spread{median: all[len(all)/2], most: all[len(all)*99/100], own: slowest(before, c.quick(t)), of: len(all)}
}

// quickest are the bounds of pullgate_admission_duration_seconds below what takes
// longer for waiting: three answers of a slow registry.
func quickest() []string {
	return []string{"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5"}
}

// quick is how many admissions Pullgate answered within each bound.
func (c *crowd) quick(t *testing.T) (counts []float64) {
	t.Helper()
	for _, bound := range quickest() {
		counts = append(counts, c.gate(t, "pullgate_admission_duration_seconds_bucket", fmt.Sprintf("le=%q", bound)))
	}
	return counts
}

// slowest is the 99th percentile of what was answered in between, as if between two
// bounds all were as frequent.
func slowest(before, after []float64) time.Duration {
	last := len(after) - 1
	wanted, below, from := 0.99*(after[last]-before[last]), 0.0, 0.0
	for i, bound := range quickest() {
		to, _ := strconv.ParseFloat(bound, 64) // it is one
		count := after[i] - before[i]
		if count >= wanted && count > below {
			return time.Duration((from + (to-from)*(wanted-below)/(count-below)) * float64(time.Second))
		}
		below, from = count, to
	}
	return 0
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
