package resolver

import (
	"cmp"
	"context"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/workload"
)

const (
	// defaultParallel is how many images of one workload are checked at once.
	defaultParallel = 48
	// lastWords is how long after the context's end checks that heed it are
	// waited for.
	lastWords = 50 * time.Millisecond
)

// Resolve checks every image of a workload. It answers when the context ends,
// whatever the registries do: what is not known by then is Timeout.
func (r *Resolver) Resolve(ctx context.Context, w workload.Workload) Report {
	checks, places := r.checks(ctx, w)
	r.run(ctx, checks)
	found := make([]Result, len(checks))
	for i := range checks {
		known := r.observed(checks[i].published())
		found[i] = known.reported()
	}
	report := Report{Object: w.Object, Results: make([]Result, 0, len(places))}
	for i := range w.Templates {
		for _, image := range w.Templates[i].Images {
			report.Results = append(report.Results, found[places[len(report.Results)]].usedAs(image))
		}
	}
	dropHelpfulSecrets(report.Results)
	return report
}

// checks are those of a workload's images, equal ones of a template once, and of
// each image the place of its check.
func (r *Resolver) checks(ctx context.Context, w workload.Workload) (checks []imageCheck, places []int) {
	const usual = 32
	places = make([]int, 0, w.CountImages())
	checks = make([]imageCheck, 0, min(cap(places), usual))
	for i := range w.Templates {
		template := r.newTemplate(ctx, w, &w.Templates[i])
		unique := make(map[imageKey]int, len(w.Templates[i].Images))
		for _, image := range w.Templates[i].Images {
			key := imageKey{image.Reference, image.FilledBy, string(image.Policy)}
			place, ok := unique[key]
			if !ok {
				place = len(checks)
				unique[key] = place
				checks = append(checks, imageCheck{resolver: r, template: template, image: image})
			}
			places = append(places, place)
		}
	}
	return checks, places
}

// imageKey tells images of a template apart; equal ones are checked once.
type imageKey struct{ reference, filledBy, policy string }

// run checks images at once, within the bound, and returns when all are done
// or the context has ended, be it that something under way heeds no context.
// What is remembered needs neither goroutines nor time.
func (r *Resolver) run(ctx context.Context, checks []imageCheck) {
	var left []*imageCheck
	for i := range checks {
		if check := &checks[i]; !r.guarded(check, func() bool { return check.recall(ctx) }) {
			left = append(left, check)
		}
	}
	if len(left) == 0 {
		return
	}
	finished := make(chan struct{})
	crew := &crew{
		jobs: len(left), most: cmp.Or(max(r.Parallel, 0), defaultParallel),
		do: func(i int) { r.guarded(left[i], func() bool { left[i].run(ctx); return true }) },
	}
	for _, check := range left {
		check.crew = crew
	}
	go func() {
		defer close(finished)
		crew.run()
	}()
	select {
	case <-finished:
		return
	case <-ctx.Done():
	}
	select { // those that heed the context say more than "not in time"
	case <-finished:
	case <-time.After(lastWords):
	}
}

// guarded goes on with a check, and tells whether it ended; a bug of ours in it is
// a verdict like others.
func (r *Resolver) guarded(check *imageCheck, goOn func() bool) (ended bool) {
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
			check.publish(&knowledge{})
			ended = true
		}
	}()
	return goOn()
}

// observed tells of what is known of an image for which a registry matters, as
// it is reported.
func (r *Resolver) observed(known knowledge) knowledge {
	if r.Observer != nil && known.Named != nil && !known.Never {
		r.Observer.Checked(reference.Domain(known.Named), known.Finding.Reason)
	}
	return known
}
