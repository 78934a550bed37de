//go:build linux

package chaos

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// TestChaos creates Pods through the API server while something is the matter, one
// thing after the other, under either failurePolicy, each for CHAOS_EACH (three
// seconds by default) and for its share of CHAOS_ADMISSIONS (none by default).
// No Pod whose image is there is denied; no answer is missing or comes after the
// API server's patience, which it would have counted; what is unknown comes with a
// warning; a metric shows what is the matter; when it is over the next Pods pass
// without a warning; and at the end nothing is left.
func TestChaos(t *testing.T) {
	c := newChaos(t)
	c.admit(t, time.Second, 0, c.pod)
	c.settle(t)
	c.before = c.resources(t)
	for _, policy := range []string{"Ignore", "Fail"} {
		c.failurePolicy(t, policy)
		for _, fault := range c.faults() {
			t.Run(policy+"/"+fault.name, func(t *testing.T) { c.suffer(t, fault) })
		}
	}
	c.noLeak(t)
	t.Logf("%d admissions, %d of them unknown with a warning; recovered in %s at most", c.sent.Load(), c.warned.Load(), c.slowest.Round(100*time.Millisecond))
	c.record(t)
}

// chaos is where TestChaos happens.
type chaos struct {
	*crowd
	registry *saboteur
	names    *names
	between  *between
	each     time.Duration
	least    int64

	secrets, minted atomic.Int64
	pullSecret      atomic.Pointer[string]
	began           time.Time
	slowest         time.Duration
	seen            map[string]outcome // by the fault's name
	before          map[string]float64 // the resources at the beginning
}

// outcome is what came of a fault.
type outcome struct {
	admissions, warned int64
	recovered          time.Duration
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{registry: newSaboteur(t), names: newNames(t, home), between: newBetween(t), seen: map[string]outcome{}, began: time.Now()}
	trusted := filepath.Join(t.TempDir(), "trusted.crt")
	if err := os.WriteFile(trusted, c.registry.trusts.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	r := rigtest.Start(t, root, rig.Options{
		Config: strings.Replace(rig.DefaultConfig, "[127.0.0.1/32]", fmt.Sprintf("[%s/32, %s/32]", home, away), 1) + "cache: {positiveTTL: 500ms, size: 2000}\n",
		Under:  c.names.under(), Env: []string{"SSL_CERT_FILE=" + trusted}, Before: c.between.kubeconfig,
	})
	c.registry.serve(t, r.Lab)
	c.crowd = newCrowd(t, r, "chaos", atOnce)
	var err error
	if c.each, err = time.ParseDuration(cmp.Or(os.Getenv("CHAOS_EACH"), "3s")); err != nil {
		t.Fatal(err)
	}
	all, err := strconv.Atoi(cmp.Or(os.Getenv("CHAOS_ADMISSIONS"), "0"))
	if err != nil {
		t.Fatal(err)
	}
	c.least = int64(all/(2*len(c.faults())) + 1)
	c.newSecret(t)
	return c
}

// newSecret has Pods name a secret that Pullgate has not read yet.
func (c *chaos) newSecret(t *testing.T) {
	name := fmt.Sprintf("regcred-%d", c.secrets.Add(1))
	c.secret(t, name, c.registry.host)
	c.pullSecret.Store(&name)
}

// pod is one of an image that is known, of one that needs a secret, or of one that
// nobody has seen.
func (c *chaos) pod(worker, turn int) string {
	switch (worker + turn) % 3 {
	case 0:
		return podOf(fmt.Sprintf("%s/shop/worker-%02d:1.0", c.registry.host, (worker+turn)%20), "")
	case 1:
		return podOf(fmt.Sprintf("%s/shop/private:1.%d", c.registry.host, turn%2), *c.pullSecret.Load())
	default:
		return podOf(fmt.Sprintf("%s/new/%d:1.0", c.registry.host, c.minted.Add(1)), "")
	}
}

// suffer creates Pods during a fault, and until it is forgotten.
func (c *chaos) suffer(t *testing.T, f fault) {
	c.newSecret(t)
	f.prepare(t)
	calls, unknown, sent, warned, passed := c.calls(t), c.unknown(t), c.sent.Load(), c.warned.Load(), c.passedOver(t)
	shown := f.sign(t, c)
	f.begin(t)
	c.admit(t, c.each, c.least, c.pod)
	if now := f.sign(t, c); !f.shows(shown, now) {
		t.Errorf("%s was %v, and is %v", f.metric, shown, now)
	}
	f.end(t)
	over := time.Now()
	await(t, "Pods to pass without a warning", func() bool {
		before := c.warned.Load()
		c.admit(t, 0, 0, c.pod)
		return c.warned.Load() == before
	})
	came := outcome{c.sent.Load() - sent, c.warned.Load() - warned, time.Since(over)}
	calls, unknown = c.calls(t)-calls, c.unknown(t)-unknown
	if !f.lossy && (calls != came.admissions || unknown != came.warned) {
		t.Errorf("of %d admissions %d were answered; %d were unknown, and %d had a warning", came.admissions, calls, unknown, came.warned)
	}
	if passed = c.passedOver(t) - passed; !f.lossy && passed != 0 {
		t.Errorf("%v answers were not there in time", passed)
	}
	if f.silent && came.warned != 0 {
		t.Errorf("%d had a warning", came.warned)
	}
	if came.recovered > patience {
		t.Errorf("recovered in %s", came.recovered)
	}
	f.cleanUp(t)
	c.slowest = max(c.slowest, came.recovered)
	c.seen[f.name] = c.seen[f.name].and(came)
	t.Logf("%d admissions, %d with a warning; recovered in %s", came.admissions, came.warned, came.recovered.Round(time.Millisecond))
}

// patience is three times as long as an API server waits for an answer.
const patience = 30 * time.Second

// and adds up what came of a fault under both policies.
func (o outcome) and(other outcome) outcome {
	return outcome{o.admissions + other.admissions, o.warned + other.warned, max(o.recovered, other.recovered)}
}

func (c *chaos) calls(t *testing.T) int64 {
	return int64(c.gate(t, "pullgate_admission_requests_total"))
}

func (c *chaos) unknown(t *testing.T) int64 {
	return int64(c.gate(t, "pullgate_admission_requests_total", `verdict="unknown"`))
}

// allowance is how much more of a resource there may be at the end than at the
// beginning: the API server's connections, those of the last Pods to the registry,
// and what is kept.
var allowance = map[string]float64{"go_goroutines": 40, "process_open_fds": 40, "go_memstats_heap_alloc_bytes": 24 << 20}

// resources is what a process can leak.
func (c *chaos) resources(t *testing.T) map[string]float64 {
	found := map[string]float64{}
	for name := range allowance {
		found[name] = c.gate(t, name)
	}
	return found
}

// settle waits until Pullgate keeps no connection to the registry any more.
func (c *chaos) settle(t *testing.T) {
	t.Helper()
	await(t, "connections to the registry to end", func() bool { return c.registry.connections.Load() == 0 })
}

// noLeak waits until there is about as much of everything as before: connections
// that nobody uses end after a while.
func (c *chaos) noLeak(t *testing.T) {
	t.Helper()
	c.settle(t)
	await(t, fmt.Sprintf("resources to be about %v again", c.before), func() bool {
		for name, now := range c.resources(t) {
			if now > c.before[name]+allowance[name] {
				return false
			}
		}
		return true
	})
	t.Logf("before: %v, after: %v", c.before, c.resources(t))
	const most = 250 << 20
	if resident := c.gate(t, "process_resident_memory_bytes"); resident > most {
		t.Errorf("%.0f MB are resident", resident/(1<<20))
	}
}

// restart starts Pullgate anew, with a larger environment.
func (c *chaos) restart(t *testing.T, environment ...string) {
	t.Helper()
	plain := slices.Clone(c.rig.Gate.Env)
	c.rig.Gate.Env = append(c.rig.Gate.Env, environment...)
	c.rig.Gate.Stop()
	if err := c.rig.Gate.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	c.rig.Gate.Env = plain
}
