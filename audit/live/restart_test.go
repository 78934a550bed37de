package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// cupboard keeps ConfigMaps.
type cupboard struct {
	typedcorev1.ConfigMapInterface
	kept   map[string]*corev1.ConfigMap
	writes int
	err    error
}

func (c *cupboard) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.ConfigMap, error) {
	if c.err != nil {
		return nil, c.err
	}
	if c.kept[name] == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{}, name)
	}
	return c.kept[name], nil
}

func (c *cupboard) Create(ctx context.Context, object *corev1.ConfigMap, _ metav1.CreateOptions) (*corev1.ConfigMap, error) {
	return c.Update(ctx, object, metav1.UpdateOptions{})
}

func (c *cupboard) Update(_ context.Context, object *corev1.ConfigMap, _ metav1.UpdateOptions) (*corev1.ConfigMap, error) {
	if c.err != nil {
		return nil, c.err
	}
	if before := c.kept[object.Name]; before != nil && before.ResourceVersion != object.ResourceVersion {
		return nil, apierrors.NewConflict(schema.GroupResource{}, object.Name, errors.New("it is newer"))
	}
	c.writes++
	written := object.DeepCopy()
	written.ResourceVersion = fmt.Sprint(c.writes)
	c.kept[object.Name] = written
	return written, nil
}

// term runs a term of a rig for a time over what the term before kept, with these
// workloads, and lets it end in order or die.
func (c *cupboard) term(t *testing.T, r rig, lasts time.Duration, inOrder bool, workloads ...*entry) {
	t.Helper()
	r.events = &tell.Events{Client: &noEvents{}}
	r.tellers = []teller{r.events}
	kept := newKeeper(c, r.term)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	kept.resume(ctx)
	for _, e := range workloads {
		r.seen(e, true)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		kept.run(ctx)
	}()
	r.run(ctx)
	<-done
	if inOrder {
		kept.end(ctx)
	}
}

type noEvents struct{ typedcorev1.EventInterface }

func (n *noEvents) Events(string) typedcorev1.EventInterface { return n }

func (n *noEvents) Create(_ context.Context, e *corev1.Event, _ metav1.CreateOptions) (*corev1.Event, error) {
	return e, nil
}

func many(n int) (all []*entry) {
	for i := range n {
		all = append(all, deployment(fmt.Sprint("d-", i), fmt.Sprintf("r.example/app:%d", i)))
	}
	return all
}

// asked counts the questions of the last minutes.
func (r rig) askedWithin(lasts time.Duration) (n int) {
	r.registry.mu.Lock()
	defer r.registry.mu.Unlock()
	for _, times := range r.registry.asked {
		for _, at := range times {
			if time.Since(at) <= lasts {
				n++
			}
		}
	}
	return n
}

// A restart, be it in order or not, asks hardly anything anew, keeps what was said
// and told, and looks at what came meanwhile at once.
func TestRestart(t *testing.T) {
	for _, inOrder := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			auditing := policy.Auditing{RequestsPerHour: 5000}
			var c cupboard
			c.kept = map[string]*corev1.ConfigMap{}
			all := many(1000)
			first := newRig(t, auditing)
			first.registry.set("app:999", pull.TagNotFound)
			c.term(t, first, 7*time.Hour, inOrder, all...)
			want := first.metrics(t, "d-999\"")
			if !strings.Contains(want, "image_pullable") || !strings.HasSuffix(want, " 0") {
				t.Fatalf("before: %s", want)
			}

			second := newRig(t, auditing)
			second.registry.set("app:999", pull.TagNotFound)
			c.term(t, second, time.Second, true, append(all, deployment("new", "r.example/new:1"))...)
			if got := second.metrics(t, "d-999\""); got != want {
				t.Errorf("after: %s, want %s", got, want)
			}
			if got := second.metrics(t, "audit_workloads_seen"); got != "pullgate_audit_workloads_seen 1001" {
				t.Errorf("after: %s", got)
			}
			if told := second.events.Last("d-999"); !told.Broken {
				t.Error("it is forgotten what was told")
			}
			if asked := second.askedWithin(time.Second); asked < 1 || asked > 3 || len(second.registry.times("r.example/new:1")) != 1 {
				t.Errorf("asked for %d images at once", asked)
			}

			third := newRig(t, auditing)
			third.registry.set("app:999", pull.TagNotFound)
			c.term(t, third, 6*time.Hour, true, all...)
			early := 0
			for image, times := range third.registry.asked {
				before := first.registry.asked[image]
				if image != "r.example/app:999" && times[0].Sub(before[len(before)-1]) < 5*time.Hour+50*time.Minute {
					early++
				}
			}
			if early > 10 || len(third.registry.asked) < 990 {
				t.Errorf("in order %t: %d of 1000 are asked anew, %d in all", inOrder, early, len(third.registry.asked))
			}
		})
	}
}

// The registry counts no more than its budget in an hour in which auditors die
// again and again.
func TestBudgetOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 60
		c := cupboard{kept: map[string]*corev1.ConfigMap{}}
		var requests []time.Time
		for i := range 40 {
			r := newRig(t, policy.Auditing{RequestsPerHour: budget})
			r.registry.cost = 3
			for _, e := range many(100) {
				e.UID += "-" // it was not there before
				e.Name += fmt.Sprint("-", i)
				r.seen(e, false)
			}
			c.term(t, r, time.Duration(1+i*37%11)*7*time.Second, i%3 == 0)
			for _, times := range r.registry.asked {
				requests = append(requests, times...)
			}
		}
		begin := requests[0]
		for _, at := range requests {
			if at.Before(begin) {
				begin = at
			}
		}
		for from := begin; from.Before(time.Now()); from = from.Add(time.Minute) {
			n := 0
			for _, at := range requests {
				if !at.Before(from) && at.Before(from.Add(time.Hour)) {
					n++
				}
			}
			if n > budget {
				t.Errorf("%d requests in the hour from %s", n, from.Sub(begin))
			}
		}
		if len(requests) < 10 {
			t.Errorf("%d requests in all", len(requests))
		}
	})
}

// What cannot be kept keeps nobody from looking, and what is too large is kept in
// part.
func TestKeepingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cupboard{kept: map[string]*corev1.ConfigMap{}, err: errors.New("forbidden")}
		r := newRig(t, policy.Auditing{})
		c.term(t, r, 7*time.Hour, true, many(50)...)
		if len(r.registry.asked) != 50 {
			t.Errorf("%d images were looked at", len(r.registry.asked))
		}
	})
	c := cupboard{kept: map[string]*corev1.ConfigMap{}}
	k := newKeeper(&c, newRig(t, policy.Auditing{}).term)
	all := past{Workloads: map[string]pastLook{"broken": {At: 1, Images: []pastImage{{Reason: pull.TagNotFound}}}}}
	for i := range 100_000 {
		all.Workloads[fingerprint(types.UID(fmt.Sprint(i)), &workload.Workload{})] = pastLook{At: int64(1_800_000_000 + i)}
	}
	k.keepFindings(t.Context(), all)
	var kept past
	found, err := k.load(t.Context(), findingsName, &kept)
	if n := len(kept.Workloads); err != nil || !found || !kept.Partial || n < 25_000 || n > 60_000 {
		t.Errorf("%t, %v, partial %t, %d workloads", found, err, kept.Partial, n)
	}
	if kept.Workloads["broken"].Images == nil {
		t.Error("what is broken is left out")
	}
}

// The chart makes the ConfigMaps, empty and with labels, which stay.
func TestShelfOfTheChart(t *testing.T) {
	labels := map[string]string{"app.kubernetes.io/managed-by": "Helm"}
	made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: findingsName, ResourceVersion: "7", Labels: labels}}
	c := &cupboard{kept: map[string]*corev1.ConfigMap{findingsName: made}}
	s := &shelf{maps: c, last: map[string]edition{}}
	var read string
	if found, err := s.load(t.Context(), findingsName, &read); found || err != nil {
		t.Fatalf("read of an empty one: %t, %v", found, err)
	}
	for _, document := range []string{"first", "second"} {
		if err := s.save(t.Context(), findingsName, document); err != nil {
			t.Fatal(err)
		}
		if found, err := s.load(t.Context(), findingsName, &read); !found || err != nil || read != document {
			t.Errorf("%t, %v, %q, want %q", found, err, read, document)
		}
	}
	if got := c.kept[findingsName].Labels; !maps.Equal(got, labels) {
		t.Errorf("the labels are %v now", got)
	}
}

// Who upgrades changes labels, and somebody may take the ConfigMap away: it is
// written all the same. What another auditor wrote since stays.
func TestShelfThatOthersTouch(t *testing.T) {
	for name, test := range map[string]struct {
		touch func(c *cupboard)
		fails bool
	}{
		"labels": {touch: func(c *cupboard) { c.kept[findingsName].ResourceVersion = "upgraded" }},
		"gone":   {touch: func(c *cupboard) { delete(c.kept, findingsName) }},
		"another's": {touch: func(c *cupboard) {
			if err := (&shelf{maps: c, last: map[string]edition{findingsName: {meta: c.kept[findingsName].ObjectMeta}}}).save(t.Context(), findingsName, "another's"); err != nil {
				t.Fatal(err)
			}
		}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &cupboard{kept: map[string]*corev1.ConfigMap{}}
			s := &shelf{maps: c, last: map[string]edition{}}
			if err := s.save(t.Context(), findingsName, "first"); err != nil {
				t.Fatal(err)
			}
			test.touch(c)
			if err := s.save(t.Context(), findingsName, "second"); (err != nil) != test.fails {
				t.Error(err)
			}
			var read string
			if _, err := s.load(t.Context(), findingsName, &read); err != nil || (read != "second") != test.fails {
				t.Errorf("%v, %q", err, read)
			}
		})
	}
}
