//go:build linux

package chaos

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// slowAnswer is how long a registry takes that is slow, and not given up: a new image
// costs three answers.
const slowAnswer = time.Second

// TestSlowRegistrySlowsNobody has 500 admissions wait for one registry all the time,
// and creates Pods of another's images meanwhile: they are answered within twice
// their unloaded 99th percentile. Other programs use the machine, too, so that a round
// within that is enough: what Pullgate does to neighbours it does in each.
func TestSlowRegistrySlowsNobody(t *testing.T) {
	const waiting, rounds, most = 500, 5, 2.0
	r := rigtest.Start(t, root, rig.Options{Config: rig.DefaultConfig + "cache: {positiveTTL: 200ms}\n"})
	good, bad := newCrowd(t, r, "good", atOnce), newCrowd(t, r, "bad", waiting)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(slowAnswer):
			minting{http.NotFoundHandler()}.ServeHTTP(w, q)
		case <-q.Context().Done():
		}
	}))
	defer slow.Close()
	good.percentile(t, time.Second)
	for range rounds {
		over := bad.keepWaiting(t, strings.TrimPrefix(slow.URL, "http://"), waiting)
		await(t, "admissions to wait", func() bool { return bad.gate(t, "pullgate_admission_in_flight") >= waiting*9/10 })
		loaded := good.percentile(t, 5*time.Second)
		still := bad.gate(t, "pullgate_admission_in_flight")
		over()
		unloaded := good.percentile(t, 5*time.Second)
		ratio := loaded.Seconds() / unloaded.Seconds()
		t.Logf("99th percentile %s while %.0f wait, %s while none does: %.2f", loaded.Round(time.Microsecond), still, unloaded.Round(time.Microsecond), ratio)
		if ratio <= most {
			return
		}
	}
	t.Errorf("in %d rounds it was never %.1f at most", rounds, most)
}

// keepWaiting has so many admissions wait for a registry, one after the other so that
// they do not come at once, until it is over.
func (c *crowd) keepWaiting(t *testing.T, registry string, many int) (over func()) {
	const rampUp = 10 * time.Second
	var ended atomic.Bool
	var group sync.WaitGroup
	for i := range many {
		group.Go(func() {
			time.Sleep(time.Duration(i) * rampUp / time.Duration(many))
			for !ended.Load() {
				c.create(t, podOf(fmt.Sprintf("%s/new/%d-%d:1.0", registry, i, time.Now().UnixNano()), ""))
			}
		})
	}
	return func() {
		ended.Store(true)
		group.Wait()
	}
}

// percentile creates Pods for some time, a few at a time and not without pause, and
// returns the 99th percentile of what it took.
func (c *crowd) percentile(t *testing.T, during time.Duration) time.Duration {
	const askers, pause = 4, 10 * time.Millisecond
	until := time.Now().Add(during)
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
	return all[len(all)*99/100]
}
