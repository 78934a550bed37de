package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// TestChaos creates Pods through the API server while the registry suffers, one
// disturbance after the other, each for CHAOS_EACH (two seconds by default),
// under either failurePolicy. No Pod whose image is there is denied; no answer
// comes after the API server's patience, and none is missing; what is unknown
// comes with a warning; when a disturbance is over the next Pods pass without
// one; and at the end nothing is left.
func TestChaos(t *testing.T) {
	each := 2 * time.Second
	if given := os.Getenv("CHAOS_EACH"); given != "" {
		var err error
		if each, err = time.ParseDuration(given); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, rig.Options{Config: rig.DefaultConfig + "cache: {positiveTTL: 500ms}\n"})
	c := newChaos(t, r)
	c.admit(t, time.Second)
	before := c.resources(t)
	for _, policy := range []string{"Ignore", "Fail"} {
		c.failurePolicy(policy)
		for _, disturbance := range c.registry.disturbances() {
			c.disturbed(t, policy+"/"+disturbance.name, each, func() { c.registry.fault.Store(&disturbance.do) }, func() { c.registry.fault.Store(nil) })
		}
		c.disturbed(t, policy+"/a black hole", each, func() { c.registry.frozen.Store(true) }, func() { c.registry.frozen.Store(false) })
	}
	c.noLeak(before)
	t.Logf("%d admissions, %d of them unknown with a warning", c.sent.Load(), c.warned.Load())
}

// chaos is a namespace in which Pods are created from many sides.
type chaos struct {
	stage
	registry *saboteur
	client   *http.Client
	url      string

	sent, warned atomic.Int64
}

func newChaos(t *testing.T, r *rig.Rig) *chaos {
	client, url, err := r.Connect()
	if err != nil {
		t.Fatal(err)
	}
	client.Timeout = time.Minute
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.MaxIdleConnsPerHost = chaosAtOnce
	}
	return &chaos{stage: newStage(t, r, "chaos"), registry: newSaboteur(t, r.Lab.Open.Host), client: client, url: url}
}

// chaosAtOnce is how many Pods are created at a time.
const chaosAtOnce = 32

// disturbed creates Pods during a disturbance, and until it is forgotten.
func (c *chaos) disturbed(t *testing.T, name string, each time.Duration, begin, end func()) {
	t.Run(name, func(t *testing.T) {
		calls, unknown, sent, warned := c.calls(t), c.unknown(t), c.sent.Load(), c.warned.Load()
		begin()
		c.admit(t, each)
		end()
		over := time.Now()
		c.await("Pods to pass without a warning", func() bool {
			before := c.warned.Load()
			c.admit(t, 0)
			return c.warned.Load() == before
		})
		sent, warned = c.sent.Load()-sent, c.warned.Load()-warned
		calls, unknown = c.calls(t)-calls, c.unknown(t)-unknown
		if calls != sent || unknown != warned {
			t.Errorf("of %d admissions %d were answered; %d were unknown, and %d had a warning", sent, calls, unknown, warned)
		}
		t.Logf("%d admissions, %d with a warning; recovered in %s", sent, warned, time.Since(over).Round(time.Millisecond))
	})
}

// admit creates Pods, as a dry run, for some time; one for each at least.
func (c *chaos) admit(t *testing.T, during time.Duration) {
	until := time.Now().Add(during)
	var group sync.WaitGroup
	for worker := range chaosAtOnce {
		group.Go(func() {
			for turn := 0; turn == 0 || time.Now().Before(until); turn++ {
				c.create(t, fmt.Sprintf("shop/worker-%02d:1.0", (worker+turn)%20))
			}
		})
	}
	group.Wait()
}

// create creates one Pod, which has to be let in, in time.
func (c *chaos) create(t *testing.T, image string) {
	pod := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"x-"},"spec":{"containers":[{"name":"a","image":%q}]}}`, c.registry.host+"/"+image)
	start := time.Now()
	response, err := c.client.Post(c.url+"/api/v1/namespaces/"+c.namespace+"/pods?dryRun=All", "application/json", strings.NewReader(pod))
	if err != nil {
		t.Errorf("%s: %v", image, err)
		return
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	c.sent.Add(1)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Errorf("%s after %s: %d %s, %v", image, time.Since(start), response.StatusCode, text, err)
	}
	if strings.Contains(strings.Join(response.Header.Values("Warning"), "\n"), "not checked") {
		c.warned.Add(1)
	}
	// Of the API server's own work on a busy machine a part comes on top.
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("%s: answered after %s", image, took)
	}
}

func (c *chaos) calls(t *testing.T) int64 {
	return c.count(t, "pullgate_admission_requests_total", `mode="enforce"`)
}

func (c *chaos) unknown(t *testing.T) int64 {
	return c.count(t, "pullgate_admission_requests_total", `verdict="unknown"`)
}

func (c *chaos) count(t *testing.T, name string, labels ...string) int64 {
	t.Helper()
	value, err := c.rig.Gate.Metric(t.Context(), name, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return int64(value)
}

// failurePolicy sets that of every webhook.
func (c *chaos) failurePolicy(policy string) {
	c.Helper()
	names := strings.Fields(c.must("get", "validatingwebhookconfiguration", "pullgate", "-o", "jsonpath={.webhooks[*].name}"))
	var changes []string
	for i := range names {
		changes = append(changes, fmt.Sprintf(`{"op":"replace","path":"/webhooks/%d/failurePolicy","value":%q}`, i, policy))
	}
	c.must("patch", "validatingwebhookconfiguration", "pullgate", "--type=json", "-p", "["+strings.Join(changes, ",")+"]")
}

// resources is what a process can leak.
func (c *chaos) resources(t *testing.T) map[string]int64 {
	found := map[string]int64{}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		found[name] = c.count(t, name)
	}
	return found
}

// noLeak waits until goroutines and descriptors are about as many as before:
// connections that nobody uses end after a while.
func (c *chaos) noLeak(before map[string]int64) {
	c.Helper()
	const more = 40 // the API server's connections, and those of the last Pods to the registry
	c.await("goroutines and descriptors to be as before", func() bool {
		time.Sleep(100 * time.Millisecond)
		for name, now := range c.resources(c.T) {
			if now > before[name]+more {
				return false
			}
		}
		return true
	})
	const most = 250 << 20
	if resident := c.count(c.T, "process_resident_memory_bytes"); resident > most {
		c.Errorf("%d MB are resident", resident>>20)
	}
}
