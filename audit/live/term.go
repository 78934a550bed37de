package live

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/audit/pace"
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
	log    *slog.Logger

	mu        sync.Mutex
	schedule  pace.Schedule
	workloads map[string]*workload.Workload
}

func keyOf(e *entry) string { return string(e.UID) + " " + e.Namespace + "/" + e.Name }

// seen takes an object up. What was there when the term began is looked at in
// its own time, what is new or has changed at once.
func (t *term) seen(e *entry, initial bool) {
	if e.workload == nil {
		t.gone(e)
		return
	}
	key, now := keyOf(e), time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.workloads[key]
	t.workloads[key] = e.workload
	t.record.expect(key)
	switch {
	case before == nil && initial:
		t.schedule.Add(key, asks(e.workload), now)
	case before == nil || len(workload.Changed(*before, *e.workload).Templates) > 0:
		t.schedule.Change(key, asks(e.workload), now)
	}
}

// gone lets an object go.
func (t *term) gone(e *entry) {
	key := keyOf(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.workloads[key] == nil {
		return
	}
	delete(t.workloads, key)
	t.schedule.Remove(key)
	t.record.forget(key)
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
	for ctx.Err() == nil {
		key, w, wait := t.next()
		if w == nil {
			pause(ctx, min(wait, pollEvery))
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		looks.Go(func() {
			defer func() { <-slots }()
			t.look(ctx, key, w)
		})
	}
}

func pause(ctx context.Context, lasts time.Duration) {
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (t *term) next() (key string, w *workload.Workload, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, wait, ok := t.schedule.Next(time.Now())
	if !ok {
		return "", nil, wait
	}
	return key, t.workloads[key], 0
}

// look looks at one workload, and says when it is due again.
func (t *term) look(ctx context.Context, key string, w *workload.Workload) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	report, again, ok := t.ask(ctx, w)
	now := time.Now()
	broken := ok && t.record.take(key, report, now)
	t.mu.Lock()
	defer t.mu.Unlock()
	if ok {
		t.schedule.Done(key, broken, now)
	} else {
		t.schedule.Defer(key, again, now)
	}
}

// ask reviews a workload; where the budget of a registry is used up, it says when
// to try again.
func (t *term) ask(ctx context.Context, w *workload.Workload) (report resolver.Report, again time.Time, ok bool) {
	where := policy.Where{Namespace: w.Object.Namespace}
	labels, err := t.engine.Labels(ctx, where.Namespace)
	if err != nil {
		t.log.Warn("a Namespace's labels cannot be read", "namespace", where.Namespace, "error", err.Error())
		return report, time.Now().Add(time.Minute), false
	}
	where.Labels = labels
	report = t.engine.Review(ctx, *w, where).Report
	for i := range report.Results {
		if report.Results[i].Reason != postponed {
			continue
		}
		if named, err := reference.ParseNormalizedNamed(report.Results[i].Resolved); err == nil {
			again = later(again, t.pacer.Again(reference.Domain(named)))
		}
	}
	return report, later(again, time.Now().Add(pollEvery)), again.IsZero()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
