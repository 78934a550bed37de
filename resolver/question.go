package resolver

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/coalesce"
	"github.com/pullgate/pullgate/resolver/fair"
	"github.com/pullgate/pullgate/resolver/pull"
)

// questionLimit ends a question that no registry answers. It runs from when the
// question is put: what it waits for others is not the registry's fault.
const questionLimit = 15 * time.Second

// questions puts questions to registries: equal ones at the same time are one,
// and there are not too many at a time.
type questions struct {
	group coalesce.Group[pull.Key, pull.Finding]
	limit hostLimit
	// unasked is how many were not put, since their registry was given up.
	unasked atomic.Int64
}

// asker is who puts a question.
type asker struct {
	namespace string
	// givesUp is whether a registry that does not answer is not asked for a while.
	givesUp bool
	// alone is whether nobody else asks, for whom room is to be left.
	alone bool
}

// answered is a finding, and whether the question was under way already when
// it was put: then the answer may be one of a moment before.
type answered struct {
	pull.Finding
	joined bool
}

// ticketKey has the place of a question among those that wait, in its context.
type ticketKey struct{}

// ask puts a question, or waits for the answer to an equal one; each asker waits
// no longer than its own context. An equal one that waits for room does so from
// now on in this namespace's queue, too: the first asker's may be long.
func (q *questions) ask(ctx context.Context, who asker, query pull.Query, put func(context.Context, pull.Query) pull.Finding) answered {
	late := answered{Finding: pull.Finding{Reason: pull.Timeout}}
	if ctx.Err() != nil {
		return late
	}
	ticket := fair.NewTicket(who.namespace)
	finding, joined, err := q.group.Join(context.WithValue(ctx, ticketKey{}, ticket), query.Key(), func(ctx context.Context) (pull.Finding, error) {
		return q.put(ctx, who, ticket, query, put)
	}, func(ctx context.Context) {
		if first, ok := ctx.Value(ticketKey{}).(*fair.Ticket); ok {
			first.Join(who.namespace)
		}
	})
	if err != nil {
		return late
	}
	return answered{Finding: finding, joined: joined}
}

// put puts a question when there is room for it.
func (q *questions) put(ctx context.Context, who asker, ticket *fair.Ticket, query pull.Query, put func(context.Context, pull.Query) pull.Finding) (pull.Finding, error) {
	registry := reference.Domain(query.Image)
	var registryBreaker *breaker
	if who.givesUp {
		registryBreaker = q.limit.breaker(registry)
	}
	leave, err := q.limit.enter(ctx, registry, who.alone, ticket, registryBreaker)
	switch {
	case errors.Is(err, errGivenUp):
		q.unasked.Add(1)
		return pull.Finding{Reason: pull.RegistryUnreachable, Detail: errGivenUp.Error()}, nil
	case err != nil:
		return pull.Finding{}, fmt.Errorf("wait for other questions: %w", err)
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, questionLimit)
	defer cancel()
	found := registryBreaker.puts()
	finding := put(ctx, query)
	found(ctx, finding)
	return finding, nil
}
