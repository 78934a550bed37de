package live

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/toll"
	"github.com/pullgate/pullgate/workload"
)

// registry is a Prober that answers by repository.
type registry struct {
	cost   int    // requests a question
	layers int    // and for the layers
	mirror string // who is asked in its place
	digest digest.Digest

	mu      sync.Mutex
	reasons map[string]pull.Reason // Pullable where there is none
	asked   map[string][]time.Time
	anew    []time.Time
	after   time.Duration // Retry-After
	hangs   bool
}

func (r *registry) Probe(ctx context.Context, query pull.Query) pull.Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hangs {
		<-ctx.Done()
		return pull.Finding{Reason: pull.Timeout}
	}
	if query.Anew {
		r.anew = append(r.anew, time.Now())
	}
	cost, host := r.cost, dialled(reference.Domain(query.Image))
	if query.Layers {
		cost += r.layers
	}
	if r.mirror != "" {
		host = r.mirror
	}
	for range cost {
		if toll.Leave(ctx, host) != nil {
			return pull.Finding{Reason: pull.RegistryUnreachable}
		}
		r.asked[query.Image.String()] = append(r.asked[query.Image.String()], time.Now())
	}
	for name, reason := range r.reasons {
		if strings.Contains(query.Image.String(), name) {
			return pull.Finding{Reason: reason, RetryAfter: r.after}
		}
	}
	return pull.Finding{Reason: pull.ReasonPullable, Digest: r.digest}
}

func (r *registry) Tags(context.Context, reference.Named, pull.Credential) ([]string, error) {
	return nil, fmt.Errorf("no list")
}

func (r *registry) set(name string, reason pull.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reasons[name] = reason
}

func (r *registry) times(image string) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[image]
}

// noSecrets is a cluster without any.
type noSecrets struct{}

func (noSecrets) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (noSecrets) ServiceAccount(context.Context, string, string) (*corev1.ServiceAccount, error) {
	return &corev1.ServiceAccount{}, nil
}

// rig is a term that runs in a bubble.
type rig struct {
	*term
	registry  *registry
	interval  time.Duration // of the configuration
	podEvents *podEvents
}

func newRig(t *testing.T, auditing policy.Auditing) rig {
	t.Helper()
	c := policy.Default()
	if auditing.RequestsPerHour > 0 {
		c.Audit.RequestsPerHour = auditing.RequestsPerHour
	}
	c.Audit.Accepted = auditing.Accepted
	pacer := NewPacer(c.Audit, clock.RealClock{}, slog.New(slog.DiscardHandler))
	r := rig{podEvents: &podEvents{}, registry: &registry{cost: 1, reasons: map[string]pull.Reason{}, asked: map[string][]time.Time{}}}
	e := &engine.Engine{
		Policy: c, Kinds: &workload.Kinds{},
		Labels:   func(context.Context, string) (map[string]string, error) { return nil, nil },
		Resolver: &resolver.Resolver{Credentials: &keyring.Keyring{Source: noSecrets{}}, Registry: pacer.Asking(r.registry)},
	}
	r.term = &term{
		engine: e, pacer: pacer, record: &record{}, clock: clock.RealClock{},
		log: slog.New(slog.DiscardHandler), subjects: map[string]subject{},
	}
	r.schedule.Interval = c.Audit.Interval.Duration
	r.foresight = &foresight{newLineage(), func() []nodes.Node { return []nodes.Node{{Name: "worker", Runtime: "containerd"}} }}
	r.record.lead(clock.RealClock{}, r.foresight, c.Audit.Accepts)
	r.misses = newMisses(r.podEvents, r.record, r.foresight.lineage, r.log)
	return r
}

// for lets the term run for a time.
func (r rig) runFor(t *testing.T, lasts time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	r.run(ctx)
}

func deployment(name string, images ...string) *entry {
	var containers []string
	for i, image := range images {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":%q}`, i, image))
	}
	raw := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop","name":%q},"spec":{"template":{"spec":{"containers":[%s]}}}}`,
		name, strings.Join(containers, ","))
	w, err := (&workload.Kinds{}).Read([]byte(raw), workload.Update)
	if err != nil {
		panic(err)
	}
	return &entry{ObjectMeta: &metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}, workload: &w, kind: "Deployment"}
}

// metrics are the lines of the collector that say something of a name. When it hurts
// is said where that is asked for.
func (r rig) metrics(t *testing.T, name string) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newCollector(r.record, func() time.Duration { return r.interval }), newMissCollector(func() *misses { return r.misses }))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			line := family.GetName()
			if len(labels) > 0 {
				line += "{" + strings.Join(labels, ",") + "}"
			}
			if line += fmt.Sprintf(" %v", metric.GetGauge().GetValue()); strings.Contains(line, name) && strings.Contains(name, "hurts") == strings.HasPrefix(line, "pullgate_image_hurts") {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

const labels = `{container="c0",image="r.example/web:1",kind="Deployment",name="web",namespace="shop",reason="%s"}`

// Nothing is said before it was looked at; what is broken is said after 10
// minutes, what is unknown is never missing, and what heals is well at once.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.seen(deployment("web", "r.example/web:1"), false)
		if got := r.metrics(t, "web"); got != "" {
			t.Errorf("before a look: %s", got)
		}
		for _, step := range []struct {
			reason pull.Reason
			lasts  time.Duration
			want   string
		}{
			{pull.ReasonPullable, time.Second, "pullgate_image_pullable" + labels + " 1"},
			{pull.TagNotFound, 12 * time.Hour, "pullgate_image_pullable" + labels + " 0"},
			{pull.RegistryUnreachable, 2 * time.Hour, "pullgate_image_unknown" + labels + " 1"},
			{pull.ReasonPullable, 12 * time.Hour, "pullgate_image_pullable" + labels + " 1"},
		} {
			r.registry.set("web", step.reason)
			r.runFor(t, step.lasts)
			if got, want := r.metrics(t, "web"), fmt.Sprintf(step.want, step.reason); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		r.gone(deployment("web", "r.example/web:1"))
		if got := r.metrics(t, "web"); got != "" {
			t.Errorf("of what is gone: %s", got)
		}
		r.record.rest()
		if got := r.metrics(t, "pullgate"); got != "pullgate_audit_leading 0" {
			t.Errorf("without the Lease: %s", got)
		}
	})
}

// What a term's end cuts off says nothing; it is due when the next one begins.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.seen(deployment("web", "r.example/web:1"), false)
		r.registry.hangs = true
		r.runFor(t, time.Second)
		if got := r.metrics(t, "web"); got != "" {
			t.Errorf("after a look that was cut off: %s", got)
		}
		if known := r.known().Workloads; len(known) != 0 {
			t.Errorf("a look that was cut off is kept: %v", known)
		}
	})
}

func TestBrokenIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.registry.set("web", pull.TagNotFound)
		r.seen(deployment("web", "r.example/web:1"), false)
		for _, step := range []struct {
			lasts time.Duration
			want  string
		}{{time.Second, "unknown"}, {6 * time.Minute, "unknown"}, {10 * time.Minute, "pullable"}} {
			r.runFor(t, step.lasts)
			if got := r.metrics(t, "web"); !strings.HasPrefix(got, "pullgate_image_"+step.want) {
				t.Errorf("%s, want %s", got, step.want)
			}
		}
	})
}

// heardOf keeps the verdicts that were told of the workload, as they change.
type heardOf struct{ verdicts []string }

func (h *heardOf) Tell(_ context.Context, w tell.Workload, _ time.Time) error {
	said := "undecided"
	if w.Sound {
		said = "sound"
	}
	for _, f := range w.Findings {
		said = f.Verdict.String()
	}
	if len(h.verdicts) == 0 || h.verdicts[len(h.verdicts)-1] != said {
		h.verdicts = append(h.verdicts, said)
	}
	return nil
}

func (h *heardOf) Forget(types.UID) {}

// A registry that stumbles is not told of, one that is down for an hour never
// makes anything missing, and what is broken stays so while nothing is known.
func TestBrownouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		var h heardOf
		r.tellers = []teller{&h}
		r.seen(deployment("web", "r.example/web:1"), false)
		for _, step := range []struct {
			reason pull.Reason
			lasts  time.Duration
			want   string
		}{
			{pull.ReasonPullable, time.Second, "sound"},
			{pull.TagNotFound, 4 * time.Minute, "sound"}, // nobody looks
			{pull.ReasonPullable, 12 * time.Hour, "sound"},
			{pull.RegistryUnreachable, 12 * time.Hour, "sound undecided unknown"},
			{pull.ReasonPullable, time.Hour, "sound undecided unknown sound"},
			{pull.TagNotFound, 12 * time.Hour, "sound undecided unknown sound undecided broken"},
			{pull.RateLimited, 9 * time.Minute, "sound undecided unknown sound undecided broken"},
			{pull.TagNotFound, 3 * time.Hour, "sound undecided unknown sound undecided broken"},
			{pull.ReasonPullable, time.Hour + time.Minute, "sound undecided unknown sound undecided broken sound"},
		} {
			r.registry.set("web", step.reason)
			r.runFor(t, step.lasts)
			if got := strings.Join(h.verdicts, " "); got != step.want {
				t.Errorf("after %s %s: %s, want %s", step.reason, step.lasts, got, step.want)
			}
		}
	})
}

// A pull secret's end is that which was seen last, and counts down.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		take := func(name string, ends ...time.Duration) {
			key := keyOf(deployment(name, "web:1"))
			r.record.expect(key)
			var attempts []pull.Attempt
			for _, left := range ends {
				attempts = append(attempts, pull.Attempt{Source: pull.Secret("shop", "ecr"), Expires: time.Now().Add(left)})
			}
			attempts = append(attempts, pull.Attempt{Source: pull.Secret("shop", "other")})
			r.record.take(key, "u", resolver.Report{Results: []resolver.Result{{Verdict: pull.Pullable, Credentials: attempts}}})
		}
		expect := func(want string) {
			t.Helper()
			if got := r.metrics(t, "expiry"); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		take("a", 12*time.Hour, 10*time.Hour)
		expect(`pullgate_pull_secret_expiry_seconds{namespace="shop",secret="ecr"} 36000`)
		time.Sleep(11 * time.Hour)
		expect(`pullgate_pull_secret_expiry_seconds{namespace="shop",secret="ecr"} -3600`)
		take("b", 12*time.Hour)
		expect(`pullgate_pull_secret_expiry_seconds{namespace="shop",secret="ecr"} 43200`)
		time.Sleep(time.Minute)
		take("a")
		take("b")
		expect("")
	})
}

// What the configuration accepts is told of no more, until its day is over.
func TestAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		today := time.Now().UTC().Format(time.DateOnly)
		r := newRig(t, policy.Auditing{Accepted: []policy.Acceptance{{Images: []string{"r.example/web:*"}, Until: today}}})
		r.registry.set("web", pull.TagNotFound)
		r.seen(deployment("web", "r.example/web:1"), false)
		r.runFor(t, 2*time.Hour)
		if got := r.metrics(t, "web") + r.metrics(t, "accepted"); got != "pullgate_audit_accepted 1" {
			t.Errorf("%s", got)
		}
		r.runFor(t, 24*time.Hour)
		if got, want := r.metrics(t, "web"), fmt.Sprintf("pullgate_image_pullable"+labels+" 0", pull.TagNotFound); got != want {
			t.Errorf("when its day is over: %s", got)
		}
	})
}

// What is new or has changed is looked at within a minute, what was there in its
// own time, and an image for all workloads once.
func TestWhatComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		for i := range 200 {
			r.seen(deployment(fmt.Sprint("old-", i), fmt.Sprintf("r.example/old:%d", i%100)), true)
		}
		r.seen(deployment("old-1", "r.example/changed:1"), false)
		r.seen(deployment("old-2", "r.example/old:2"), false) // nothing of it is new
		r.seen(deployment("new", "r.example/new:1"), false)
		r.runFor(t, time.Minute)
		if len(r.registry.times("r.example/changed:1")) != 1 || len(r.registry.times("r.example/new:1")) != 1 {
			t.Error("what changed was not looked at within a minute")
		}
		if len(r.registry.asked) > 4 {
			t.Errorf("%d images were asked for at once", len(r.registry.asked))
		}
		r.runFor(t, 6*time.Hour)
		for i := range 100 {
			if n := len(r.registry.times(fmt.Sprint("r.example/old:", i))); n != 1 {
				t.Errorf("image %d was asked for %d times", i, n)
			}
		}
		if got := r.metrics(t, "audit_workloads"); got != "pullgate_audit_workloads 201\npullgate_audit_workloads_seen 201" {
			t.Errorf("%s", got)
		}
		if got := r.metrics(t, "full_pass"); got == "" {
			t.Error("no full pass")
		}
	})
}

// The registry counts no more than its budget in any hour, however much is new,
// and others do not wait for it.
func TestBudgetIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 40
		r := newRig(t, policy.Auditing{RequestsPerHour: budget})
		r.registry.cost = 3
		for i := range 100 {
			r.seen(deployment(fmt.Sprint("new-", i), fmt.Sprintf("r.example/new:%d", i)), false)
		}
		r.seen(deployment("other", "other.example/new:1"), false)
		r.runFor(t, time.Minute)
		if len(r.registry.times("other.example/new:1")) == 0 {
			t.Error("another registry waits")
		}
		r.runFor(t, 12*time.Hour)
		hours := map[time.Duration]int{}
		start := time.Now()
		for image, times := range r.registry.asked {
			for _, at := range times {
				if strings.HasPrefix(image, "r.") {
					hours[start.Sub(at)/time.Hour]++
				}
			}
		}
		total := 0
		for hour, n := range hours {
			total += n
			if n > budget {
				t.Errorf("%d requests in hour %d", n, hour)
			}
		}
		if total < 300 {
			t.Errorf("%d requests in all, want each image asked for", total)
		}
	})
}

// A registry that answers 429 is left alone, and what it said is unknown.
func TestRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.registry.set("r.example", pull.RateLimited)
		for i := range 50 {
			r.seen(deployment(fmt.Sprint("new-", i), fmt.Sprintf("r.example/new:%d", i)), false)
		}
		r.runFor(t, 5*time.Minute)
		if n := len(r.registry.asked); n > atOnce+3 {
			t.Errorf("%d questions to a registry that limits them", n)
		}
		if got := r.metrics(t, "image_pullable"); got != "" {
			t.Errorf("%s", got)
		}
	})
}

// A registry that says when it may be asked again is asked then, within an hour,
// and others meanwhile.
func TestRetryAfter(t *testing.T) {
	for said, want := range map[time.Duration]int{0: 1, 10 * time.Second: 2, 485009 * time.Hour: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, policy.Auditing{})
			r.registry.set("r.example", pull.RateLimited)
			r.registry.after = said
			r.seen(deployment("web", "r.example/web:1"), false)
			r.runFor(t, 50*time.Second)
			r.registry.set("r.example", pull.ReasonPullable)
			r.seen(deployment("new", "r.example/new:1"), false)
			r.seen(deployment("other", "other.example/new:1"), false)
			r.runFor(t, 5*time.Second)
			asked := len(r.registry.times("r.example/web:1")) + len(r.registry.times("r.example/new:1"))
			if asked != want || len(r.registry.times("other.example/new:1")) != 1 {
				t.Errorf("%s: asked %d times, want %d", said, asked, want)
			}
			r.runFor(t, time.Hour)
			if len(r.registry.times("r.example/new:1")) != 1 {
				t.Errorf("%s: it is left alone for longer than an hour", said)
			}
		})
	}
}

// Once a day an image is looked at in full.
func TestFullLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.seen(deployment("web", "r.example/web:1"), true)
		r.runFor(t, 7*24*time.Hour)
		looks, full := len(r.registry.times("r.example/web:1")), len(r.registry.anew)
		if looks < 27 || looks > 29 || full < 6 || full > 7 {
			t.Errorf("%d looks, %d of them in full", looks, full)
		}
	})
}
