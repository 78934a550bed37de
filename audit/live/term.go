package live

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/pace"
	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/workload"
)

const (
	// atOnce is how many looks are under way at a time.
	atOnce = 16
	// lookLimit is how long a look may take.
	lookLimit = time.Minute
	// pollEvery is how long a change waits for its look at most.
	pollEvery = time.Second
)

// term is the time in which this replica looks.
type term struct {
	engine *engine.Engine
	pacer  *Pacer
	record *record
	clock  clock.Clock
	log    *slog.Logger
	// tellers are told of every look, and every minute of what is in sight.
	tellers   []teller
	telling   sync.RWMutex // of many looks at a time, or of one that was
	misses    *misses
	foresight *foresight
	// events is the teller that writes Events; nil: none does.
	events *tell.Events
	// past is what was known before; nil: nothing.
	past *past

	mu       sync.Mutex
	schedule pace.Schedule
	subjects map[string]subject
}

// teller writes down what there is to tell of a workload.
type teller interface {
	Tell(ctx context.Context, w tell.Workload, now time.Time) error
	Forget(uid types.UID)
}

// subject is a workload that is looked at.
type subject struct {
	*workload.Workload
	uid types.UID
	// asks identifies it and what it asks.
	asks string
}

// seen takes an object up. What was there when the term began is looked at in
// its own time, what is new or has changed at once.
func (t *term) seen(e *entry, initial bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.foresight.lineage.seen(e)
	t.misses.seen(e)
	if e.workload == nil {
		t.drop(e)
		return
	}
	key, now := keyOf(e), t.clock.Now()
	before, known := t.subjects[key]
	fresh := subject{e.workload, e.UID, fingerprint(e.UID, e.workload)}
	t.subjects[key] = fresh
	t.record.expect(key)
	switch {
	case !known && initial && t.past != nil:
		t.resume(key, fresh)
	case !known && initial:
		t.schedule.Add(key, asks(e.workload), now)
	case !known || len(workload.Changed(*before.Workload, *e.workload).Templates) > 0:
		t.schedule.Change(key, asks(e.workload), now)
	}
}

// resume takes a workload up as it was left. One that was not known is new, unless
// not all were kept.
func (t *term) resume(key string, s subject) {
	now := t.clock.Now()
	look, kept := t.past.Workloads[s.asks]
	known := look.recalled(s.uid, s.Workload, t.record.acceptsNow)
	switch {
	case kept && known != nil:
		t.record.recall(key, known)
		if t.events != nil && look.Event != nil {
			t.events.Restore(s.uid, *look.Event)
		}
		t.schedule.Resume(key, asks(s.Workload), known.at, known.brokenFor(now), now)
	case t.past.Partial:
		t.schedule.Add(key, asks(s.Workload), now)
	default:
		t.schedule.Change(key, asks(s.Workload), now)
	}
}

// known is what is known of all workloads.
func (t *term) known() past {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := past{Workloads: map[string]pastLook{}}
	for key, s := range t.subjects {
		if known := t.record.last(key); known != nil {
			var event tell.Told
			if t.events != nil {
				event = t.events.Last(s.uid)
			}
			all.Workloads[s.asks] = newPastLook(s.Workload, known, event)
		}
	}
	return all
}

// gone lets an object go.
func (t *term) gone(e *entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.misses.gone(e)
	t.foresight.lineage.gone(e)
	t.drop(e)
}

// drop looks at a workload no more.
func (t *term) drop(e *entry) {
	key := keyOf(e)
	if _, known := t.subjects[key]; !known {
		return
	}
	delete(t.subjects, key)
	t.schedule.Remove(key)
	t.record.forget(key)
	for _, one := range t.tellers {
		one.Forget(e.UID)
	}
}

// asks tells what a workload asks: its images, in the order of their names.
func asks(w *workload.Workload) string {
	var images []string
	for _, template := range w.Templates {
		for _, image := range template.Images {
			images = append(images, image.Reference)
		}
	}
	slices.Sort(images)
	return strings.Join(slices.Compact(images), " ")
}

// run looks at what is due until the context ends.
func (t *term) run(ctx context.Context) {
	slots := make(chan struct{}, atOnce)
	var looks sync.WaitGroup
	defer looks.Wait()
	looks.Go(func() { t.checkMisses(ctx) })
	for ctx.Err() == nil {
		key, due, wait := t.next()
		if due.Workload == nil {
			pause(ctx, t.clock, min(wait, pollEvery))
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		looks.Go(func() {
			defer func() { <-slots }()
			t.look(ctx, key, due)
		})
	}
}

// checkMisses sees to Pods that cannot get an image, and to what is in sight, until
// the context ends.
func (t *term) checkMisses(ctx context.Context) {
	for ctx.Err() == nil {
		t.misses.check(ctx)
		t.hurry(t.misses.fresh())
		t.tellAgain(ctx)
		pause(ctx, t.clock, silentFor)
	}
}

// hurry looks at workloads before their time whose Pods have begun to wait.
func (t *term) hurry(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range keys {
		if s, known := t.subjects[key]; known && !t.record.lookedWithin(key, confirmedAfter) {
			t.schedule.Change(key, asks(s.Workload), t.clock.Now())
		}
	}
}

func pause(ctx context.Context, by clock.Clock, lasts time.Duration) {
	timer := by.NewTimer(lasts)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

func (t *term) next() (key string, due subject, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, wait, ok := t.schedule.Next(t.clock.Now())
	if !ok {
		return "", subject{}, wait
	}
	return key, t.subjects[key], 0
}

// look looks at one workload, tells what came of it, and says when it is due
// again.
func (t *term) look(ctx context.Context, key string, s subject) {
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	report, again, ok := t.ask(limited, s.Workload)
	if ctx.Err() != nil {
		return // what was cut off says nothing; whoever is next looks
	}
	if !ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.schedule.Defer(key, again, t.clock.Now())
		return
	}
	found := t.record.take(key, s.uid, report)
	if found != nil {
		t.tell(limited, key, found)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	t.schedule.Done(key, found != nil && found.soonAgain(), now)
	if found == nil {
		return
	}
	if at := found.lookAgain(now); !at.IsZero() {
		t.schedule.Sooner(key, at)
	}
}

// tell has written down what there is to tell of a look.
func (t *term) tell(ctx context.Context, key string, found *looked) {
	t.telling.RLock()
	defer t.telling.RUnlock()
	t.tellAll(ctx, t.foresight.toTell(key, found, t.foresight.containerd(), found.at), found.at)
}

// tellAgain has written down what has come since the looks: Pods have come and
// gone, and pull secrets have an end.
func (t *term) tellAgain(ctx context.Context) {
	containerd := t.foresight.containerd()
	for _, key := range t.record.looks() {
		if ctx.Err() != nil {
			return
		}
		t.telling.Lock()
		if last := t.record.last(key); last != nil {
			now := t.clock.Now()
			t.tellAll(ctx, t.foresight.toTell(key, last, containerd, now), now)
		}
		t.telling.Unlock()
	}
}

// tellAll has it written down. What cannot be written is tried again.
func (t *term) tellAll(ctx context.Context, w tell.Workload, now time.Time) {
	for _, one := range t.tellers {
		if err := one.Tell(ctx, w, now); err != nil {
			t.log.Warn("what was found out cannot be told", "error", err.Error())
		}
	}
}

// ask reviews a workload; where the budget of a registry is used up, it says when
// to try again.
func (t *term) ask(ctx context.Context, w *workload.Workload) (report resolver.Report, again time.Time, ok bool) {
	where := policy.Where{Namespace: w.Object.Namespace}
	labels, err := t.engine.Labels(ctx, where.Namespace)
	if err != nil {
		t.log.Warn("a Namespace's labels cannot be read", "namespace", where.Namespace, "error", err.Error())
		return report, t.clock.Now().Add(time.Minute), false
	}
	where.Labels = labels
	report, ok = t.engine.Review(ctx, *w, where).Report, true
	again = t.clock.Now().Add(pollEvery)
	for i := range report.Results {
		if report.Results[i].Reason == postponed {
			ok = false
			again = later(again, t.pacer.Again(report.Results[i].Resolved))
		}
	}
	return report, again, ok
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
