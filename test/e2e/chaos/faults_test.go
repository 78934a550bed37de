//go:build linux

package chaos

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pullgate/pullgate/test/e2e/pki"
)

// fault is something that is the matter for a while.
type fault struct {
	name string
	// metric shows it: the labels are those of the series that rises, as written
	// in the documentation.
	metric string
	labels []string
	// sees is what users see of it.
	sees string
	// begin and end are the fault; prepare comes before anything is counted, and
	// cleanUp when all is. Each may be nil.
	onBegin, onEnd, onPrepare, onCleanUp func(*testing.T)
	// read reads the metric, and showsIn tells by two readings whether it shows the
	// fault; nil: all series with the labels, which are more.
	read    func(*testing.T) float64
	showsIn func(before, during float64) bool
	// silent says that nobody sees anything of it.
	silent bool
	// lossy says that the API server itself does not answer for a while.
	lossy bool
}

func (f fault) prepare(t *testing.T) { do(t, f.onPrepare) }
func (f fault) begin(t *testing.T)   { do(t, f.onBegin) }
func (f fault) end(t *testing.T)     { do(t, f.onEnd) }
func (f fault) cleanUp(t *testing.T) { do(t, f.onCleanUp) }

func do(t *testing.T, what func(*testing.T)) {
	if what != nil {
		what(t)
	}
}

func (f fault) sign(t *testing.T, c *chaos) float64 {
	if f.read != nil {
		return f.read(t)
	}
	return c.gate(t, f.metric, f.labels...)
}

func (f fault) shows(before, during float64) bool {
	if f.showsIn != nil {
		return f.showsIn(before, during)
	}
	return during > before
}

// What users see.
const (
	nothing = "nothing"
	warning = "a warning on what was not known before"
	brief   = "a warning, at once after the first five seconds"
)

// The metrics by which faults are seen.
const (
	requests  = "pullgate_registry_requests_total"
	checks    = "pullgate_checks_total"
	took      = "pullgate_registry_request_duration_seconds"
	noAnswer  = `code="0"`
	apiErrors = "rest_client_requests_total"
)

// faults are all of them, in their order.
func (c *chaos) faults() []fault {
	var all []fault
	for _, some := range [][]fault{c.answerFaults(), c.statusFaults(), c.connectionFaults(), c.tokenFaults(), c.nameFaults(), c.apiServerFaults(), c.processFaults()} {
		all = append(all, some...)
	}
	return all
}

// answers is a fault of what the registry answers.
func (c *chaos) answers(name string, handler http.HandlerFunc, metric, label, sees string) fault {
	f := fault{
		name: name, metric: metric, sees: sees,
		onBegin: func(*testing.T) { c.registry.fault.Store(&handler) },
		onEnd:   func(*testing.T) { c.registry.fault.Store(nil) },
	}
	if label != "" {
		f.labels = []string{label}
	}
	return f
}

func (c *chaos) answerFaults() []fault {
	s := c.registry
	slow := c.answers("latency and jitter, up to 0.5 s", s.late, took, "", nothing)
	slow.silent, slow.read = true, c.slowerThan(took, "0.1")
	// What is wrong each time is refused, as nodes refuse it; so it is wrong once.
	once := func(name string, wrong http.HandlerFunc) fault {
		return c.answers(name+", once for each image", s.firstTime(wrong), checks, `verdict="unknown"`, warning)
	}
	return []fault{
		{name: "none", metric: requests, labels: []string{`code="200"`}, sees: nothing, silent: true},
		slow,
		c.answers("hangs before the header", hang, requests, noAnswer, brief),
		c.answers("hangs in the body", s.half(hang), checks, `reason="Timeout"`, warning),
		c.answers("a slow body", s.half(slowly), checks, `reason="Timeout"`, warning),
		c.answers("resets connections", reset, requests, noAnswer, brief),
		c.answers("closes half way", s.half(reset), checks, `verdict="unknown"`, warning),
		once("another's content, of another digest", s.changed(func([]byte) []byte { return []byte(`{"schemaVersion":2,"layers":[]}`) })),
		once("truncated JSON", s.changed(func(body []byte) []byte { return body[:len(body)/2] })),
		once("corrupted JSON", s.changed(corrupted)),
		c.answers("a page of a load balancer", page, checks, `reason="RegistryError"`, warning),
		c.answers("now this, now that", oneOf(s.sound, s.sound, reset, halfClosed, status(http.StatusBadGateway, ""), hang), requests, noAnswer, warning),
	}
}

// corrupted has one bit in a hundred bytes turned.
func corrupted(body []byte) []byte {
	for i := 0; i < len(body); i += 100 {
		body[i] ^= 1
	}
	return body
}

func (c *chaos) statusFaults() []fault {
	return []fault{
		c.answers("429", status(http.StatusTooManyRequests, ""), checks, `reason="RateLimited"`, warning),
		c.answers("429 with Retry-After", status(http.StatusTooManyRequests, "1"), requests, `code="429"`, warning),
		c.answers("500", status(http.StatusInternalServerError, ""), requests, `code="500"`, warning),
		c.answers("502", status(http.StatusBadGateway, ""), requests, `code="502"`, warning),
		c.answers("503 with Retry-After", status(http.StatusServiceUnavailable, "30"), requests, `code="503"`, warning),
	}
}

// connectionFaults are those before anything is asked.
func (c *chaos) connectionFaults() []fault {
	s := c.registry
	anew := func(begin func(*testing.T, bool)) (func(*testing.T), func(*testing.T)) {
		return func(t *testing.T) { begin(t, true); s.anew(true) }, func(t *testing.T) { begin(t, false); s.anew(false) }
	}
	shut, open := anew(func(t *testing.T, yes bool) {
		if err := s.doors[home].shut(yes); err != nil {
			t.Fatal(err)
		}
	})
	stick, unstick := anew(func(_ *testing.T, yes bool) { s.stuck.Store(yes) })
	renew := func(t *testing.T) { s.showCertificate(t, s.trusts); s.anew(true) }
	forge := func(t *testing.T) {
		stranger, err := pki.NewAuthority("stranger")
		if err != nil {
			t.Fatal(err)
		}
		s.showCertificate(t, stranger)
		s.anew(true)
	}
	return []fault{
		{name: "hangs at connect", metric: requests, labels: []string{noAnswer}, sees: brief, onBegin: shut, onEnd: open},
		{name: "hangs in the TLS handshake", metric: requests, labels: []string{noAnswer}, sees: brief, onBegin: stick, onEnd: unstick},
		{name: "pooled connections into a black hole", metric: requests, labels: []string{noAnswer}, sees: brief,
			onBegin: func(*testing.T) { s.doors[home].frozen.Store(true) }, onEnd: func(*testing.T) { s.doors[home].frozen.Store(false) }},
		{name: "a renewed certificate", metric: checks, labels: []string{`verdict="pullable"`}, sees: nothing, silent: true,
			onBegin: renew, onEnd: func(*testing.T) { s.anew(false) }},
		{name: "a certificate of another authority", metric: checks, labels: []string{`reason="UntrustedCertificate"`}, sees: warning,
			onBegin: forge, onEnd: func(t *testing.T) { renew(t); s.anew(false) }},
	}
}

func (c *chaos) tokenFaults() []fault {
	s := c.registry
	once := c.answers("each token is good for one request", s.shortLived(0), requests, `code="401"`, nothing)
	expiring := c.answers("tokens that expire after 0.3 s", s.shortLived(300*time.Millisecond), requests, `code="401"`, nothing)
	once.silent, expiring.silent = true, true
	return []fault{
		once, expiring,
		c.answers("a storm of 401: every token is invalid", s.refusing, requests, `code="401"`, warning),
		c.answers("the token server hangs", s.forTokens(hang), requests, noAnswer, warning),
		c.answers("the token server hangs in the body", s.forTokens(s.half(hang)), checks, `verdict="unknown"`, warning),
		c.answers("the token server answers 503", s.forTokens(status(http.StatusServiceUnavailable, "")), requests, `code="503"`, warning),
	}
}

// nameFaults are those of looking up where the registry is.
func (c *chaos) nameFaults() []fault {
	s, n := c.registry, c.names
	answers := func(name string, code dnsmessage.RCode) fault {
		return fault{
			name: name, metric: checks, labels: []string{`reason="RegistryUnreachable"`}, sees: warning,
			onBegin: func(*testing.T) { n.code.Store(uint32(code)); s.anew(true) },
			onEnd:   func(*testing.T) { n.code.Store(uint32(dnsmessage.RCodeSuccess)); s.anew(false) },
		}
	}
	return []fault{
		answers("the name is not known (NXDOMAIN)", dnsmessage.RCodeNameError),
		answers("the name server fails (SERVFAIL)", dnsmessage.RCodeServerFailure),
		{name: "the name server does not answer", metric: requests, labels: []string{noAnswer}, sees: brief,
			onBegin: func(*testing.T) { n.silent.Store(true); s.anew(true) }, onEnd: func(*testing.T) { n.silent.Store(false); s.anew(false) }},
		{name: "another address, the old one answers no more", metric: requests, labels: []string{noAnswer},
			sees:    "a warning, until all connections to the old address have failed",
			onBegin: func(*testing.T) { n.address.Store(&away); s.doors[home].frozen.Store(true) },
			onCleanUp: func(*testing.T) {
				n.address.Store(&home)
				s.doors[home].frozen.Store(false)
				s.anew(true)
				s.anew(false)
			}},
	}
}

func (c *chaos) apiServerFaults() []fault {
	delay := func(by time.Duration) func(*testing.T) {
		return func(*testing.T) { c.between.delay.Store(int64(by)) }
	}
	const duration = "pullgate_admission_duration_seconds"
	return []fault{
		{name: "Secrets take a second", metric: duration, read: c.slowerThan(duration, "0.5"), sees: nothing, silent: true, onBegin: delay(time.Second), onEnd: delay(0)},
		{name: "Secrets do not come", metric: "pullgate_admission_requests_total", labels: []string{`verdict="unknown"`}, sees: "a warning on Pods with pull secrets", onBegin: delay(time.Minute), onEnd: delay(0)},
		{name: "the API server restarts", metric: apiErrors, labels: []string{`code="<error>"`}, sees: "nobody is there to be asked", lossy: true,
			onBegin: c.restartServer},
	}
}

// restartServer restarts the API server while Pods are created.
func (c *chaos) restartServer(t *testing.T) {
	var group sync.WaitGroup
	c.restarting.Store(true)
	started := make(chan struct{})
	group.Go(func() {
		for {
			select {
			case <-started:
				return
			default:
				c.admit(t, 0, 0, c.pod)
			}
		}
	})
	c.rig.StopServer()
	err := c.rig.StartServer(t.Context())
	close(started)
	group.Wait()
	c.restarting.Store(false)
	if err != nil {
		t.Fatal(err)
	}
}

// processFaults are those of Pullgate itself.
func (c *chaos) processFaults() []fault {
	const limit = "process_max_fds"
	var back func() error
	return []fault{
		c.jump("the clock jumps an hour ahead", time.Hour),
		c.jump("the clock jumps back by half an hour", -30*time.Minute),
		c.jump("the clock jumps a day ahead", 24*time.Hour),
		c.jump("the clock jumps back by a day", -24*time.Hour),
		{name: "no descriptor is left", metric: limit, sees: warning,
			onBegin: func(t *testing.T) {
				c.registry.anew(true)
				c.settle(t)
				var err error
				if back, err = noDescriptors(c.rig.Gate.PID()); err != nil {
					t.Fatal(err)
				}
			},
			onEnd: func(t *testing.T) {
				c.registry.anew(false)
				if err := back(); err != nil {
					t.Fatal(err)
				}
			},
			showsIn: func(before, during float64) bool { return during < before }},
		{name: "a limit of memory below what it takes (GOMEMLIMIT)", metric: "go_gc_gomemlimit_bytes", sees: nothing, silent: true,
			read: func(t *testing.T) float64 {
				return c.gate(t, "process_resident_memory_bytes") / c.gate(t, "go_gc_gomemlimit_bytes")
			},
			showsIn: func(_, during float64) bool { return during > 1 },
			// What has leaked until now would be gone afterwards.
			onPrepare: func(t *testing.T) { c.noLeak(t); c.restart(t, "GOMEMLIMIT=16MiB") }, onCleanUp: func(t *testing.T) { c.restart(t) }},
	}
}

// jump is a fault of Pullgate's clock, by which the rest of its certificate's life is
// another one.
func (c *chaos) jump(name string, by time.Duration) fault {
	set := func(by time.Duration) func(*testing.T) {
		return func(t *testing.T) {
			if err := setClock(c.rig.Gate.PID(), int32(by.Seconds())); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fault{
		name: name, metric: "pullgate_certificate_expiry_seconds", sees: nothing, silent: true, onBegin: set(by), onEnd: set(0),
		showsIn: func(before, during float64) bool { return (before-during)/by.Seconds() > 0.5 },
	}
}

// slowerThan reads how many of a histogram took longer.
func (c *chaos) slowerThan(metric, seconds string) func(*testing.T) float64 {
	return func(t *testing.T) float64 {
		return c.gate(t, metric+"_count") - c.gate(t, metric+"_bucket", `le="`+seconds+`"`)
	}
}
