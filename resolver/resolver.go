package resolver

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const (
	// defaultParallel is how many images of one workload are checked at once.
	defaultParallel = 32
	// lastWords is how long after the context's end checks that heed it are
	// waited for.
	lastWords = 50 * time.Millisecond
)

// Credentials opens the keyring of a Pod.
type Credentials interface {
	Open(ctx context.Context, pod keyring.Pod) *keyring.Ring
}

// Observer is told of what a Resolver does, for metrics.
type Observer interface {
	// Checked tells that an image was checked, and on which registry.
	Checked(registry string, reason pull.Reason)
	// Cached tells that an answer was looked for in the cache.
	Cached(hit bool)
	// Panicked tells of a bug of ours, with the stack.
	Panicked(value any, stack []byte)
}

// Resolver finds out whether images can be pulled. All fields are to be set
// before its first use; it is safe for concurrent use.
type Resolver struct {
	// Credentials are where credentials come from.
	Credentials Credentials
	// Fresh is the same without memory; it is asked before a refusal that
	// may be one of old credentials. May be nil.
	Fresh Credentials
	// Registry asks registries.
	Registry Prober
	// Nodes returns the cluster's nodes; nil where none are known.
	Nodes func() []nodes.Node
	// Platforms are those of nodes that may come, added to those of Nodes.
	Platforms []ocispec.Platform
	// NodeConfig says that Credentials know the nodes' config.json.
	NodeConfig bool
	// HostsKnown says that Registry knows the nodes' hosts.toml files.
	HostsKnown bool
	// Layers asks for configs and layers, too.
	Layers bool
	// Unpinned gives the note UnpinnedTag.
	Unpinned bool
	// Parallel is how many images of one workload are checked at once.
	// Zero: 32.
	Parallel int
	// Cache keeps positive answers; nil keeps none.
	Cache *Cache
	// Observer is told of what is done; may be nil.
	Observer Observer

	questions   questions
	lastTargets atomic.Pointer[remembered]
}

// Resolve checks every image of a workload. It answers when the context ends,
// whatever the registries do: what is not known by then is Timeout.
func (r *Resolver) Resolve(ctx context.Context, w workload.Workload) Report {
	report := Report{Object: w.Object}
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
		result := newResult(r.observed(check.published()))
		for _, use := range check.uses {
			report.Results[use] = result.usedAs(report.Results[use].Image)
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
	go func() {
		defer close(finished)
		var group errgroup.Group
		group.SetLimit(cmp.Or(max(r.Parallel, 0), defaultParallel))
		for _, check := range checks {
			group.Go(func() error {
				r.guard(ctx, check)
				return nil
			})
		}
		_ = group.Wait() // the checks return no errors
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
			check.publish(result{})
		}
	}()
	check.run(ctx)
}

// observed tells of what is known of an image for which a registry matters, as
// it is reported.
func (r *Resolver) observed(known result) result {
	if r.Observer != nil && known.Named != nil && !known.Never {
		r.Observer.Checked(reference.Domain(known.Named), known.Finding.Reason)
	}
	return known
}
