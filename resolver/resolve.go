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
	report := Report{Object: w.Object, Results: make([]Result, 0, w.CountImages())}
	var checks []*imageCheck
	for i := range w.Templates {
		template := r.newTemplate(w, &w.Templates[i])
		unique := map[imageKey]*imageCheck{}
		for _, image := range w.Templates[i].Images {
			key := imageKey{image.Reference, string(image.Policy)}
			check, ok := unique[key]
			if !ok {
				check = &imageCheck{resolver: r, template: template, image: image}
				unique[key] = check
				checks = append(checks, check)
			}
			check.uses = append(check.uses, len(report.Results))
			report.Results = append(report.Results, Result{Image: image})
		}
	}
	r.run(ctx, checks)
	for _, check := range checks {
		known := r.observed(check.published())
		found := known.reported()
		for _, use := range check.uses {
			report.Results[use] = found.usedAs(report.Results[use].Image)
		}
	}
	dropHelpfulSecrets(report.Results)
	return report
}

// imageKey tells images of a template apart; equal ones are checked once.
type imageKey struct{ reference, policy string }

// run checks images at once, within the bound, and returns when all are done
// or the context has ended, be it that something under way heeds no context.
func (r *Resolver) run(ctx context.Context, checks []*imageCheck) {
	finished := make(chan struct{})
	crew := &crew{
		jobs: len(checks), do: func(i int) { r.guard(ctx, checks[i]) },
		most: cmp.Or(max(r.Parallel, 0), defaultParallel),
	}
	for _, check := range checks {
		check.waits = crew.another
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

// guard runs one check; a bug of ours in it is a verdict like others.
func (r *Resolver) guard(ctx context.Context, check *imageCheck) {
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
			check.publish(&knowledge{})
		}
	}()
	check.run(ctx)
}

// observed tells of what is known of an image for which a registry matters, as
// it is reported.
func (r *Resolver) observed(known knowledge) knowledge {
	if r.Observer != nil && known.Named != nil && !known.Never {
		r.Observer.Checked(reference.Domain(known.Named), known.Finding.Reason)
	}
	return known
}
