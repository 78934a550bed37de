package resolver

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/pull"
)

// questionLimit ends a question that no registry answers. It runs from when the
// question is put: what it waits for others is not the registry's fault.
const questionLimit = 15 * time.Second

// Prober asks a registry about one image with one credential.
type Prober interface {
	Probe(ctx context.Context, query pull.Query) pull.Finding
	Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error)
}

// questions puts questions to registries: equal ones at the same time are one,
// and there are not too many at a time.
type questions struct {
	group coalesce.Group[pull.Key, pull.Finding]
	limit hostLimit
}

// answered is a finding, and whether the question was under way already when
// it was put: then the answer may be one of a moment before.
type answered struct {
	pull.Finding
	joined bool
}

// probe asks one registry with one credential; each asker waits no longer than
// its own context.
func (r *Resolver) probe(ctx context.Context, query pull.Query) answered {
	if ctx.Err() != nil {
		return answered{Finding: pull.Finding{Reason: pull.Timeout}}
	}
	finding, joined, err := r.questions.group.Ask(ctx, query.Key(), func(ctx context.Context) (pull.Finding, error) {
		leave, err := r.questions.limit.enter(ctx, reference.Domain(query.Image))
		if err != nil {
			return pull.Finding{}, fmt.Errorf("wait for other questions: %w", err)
		}
		defer leave()
		ctx, cancel := context.WithTimeout(ctx, questionLimit)
		defer cancel()
		return r.put(ctx, query), nil
	})
	if err != nil {
		return answered{Finding: pull.Finding{Reason: pull.Timeout}}
	}
	return answered{Finding: finding, joined: joined}
}

// put asks the registry; a bug of ours is no answer.
func (r *Resolver) put(ctx context.Context, query pull.Query) (finding pull.Finding) {
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
			finding = pull.Finding{}
		}
	}()
	return r.Registry.Probe(ctx, query)
}

// panicked tells of a bug of ours. What was not found out for it has a reason
// outside the closed set, for which no configuration denies.
func (r *Resolver) panicked(value any) {
	if r.Observer != nil {
		r.Observer.Panicked(value, debug.Stack())
	}
}
