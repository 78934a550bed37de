package check

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxWorkloads is how many workloads are under way at a time. What is asked of
// registries at a time is the Asker's to bound.
const maxWorkloads = 64

// FailOn says for what a check fails.
type FailOn string

// For what a check can fail.
const (
	// OnBroken: for what admission would refuse.
	OnBroken FailOn = "broken"
	// OnUnknown: for what is unknown, too.
	OnUnknown FailOn = "unknown"
	// Never: for nothing.
	Never FailOn = "never"
)

// FailOns lists them all.
func FailOns() []FailOn { return []FailOn{OnBroken, OnUnknown, Never} }

// Check is one run. All fields are to be set before.
type Check struct {
	// Engine reviews workloads for nodes of the given platforms.
	Engine func(platforms []ocispec.Platform) *engine.Engine
	// Platforms are those of the nodes; nil where Engine knows the nodes.
	Platforms *Platforms
	// Labels returns a Namespace's labels where it is not among the
	// manifests; nil: nothing is known of it.
	Labels func(ctx context.Context, namespace string) map[string]string
	// FailOn says for what the check fails.
	FailOn FailOn
	// Hint is what to do about credentials that are not known here.
	Hint string
	// Done is told of every workload's results; may be nil.
	Done func([]report.Result)

	mu      sync.Mutex
	engines map[string]*engine.Engine
}

// Run checks the workloads of an input, and returns what was found in its
// order. When ctx is cancelled, it returns what is known then.
func (c *Check) Run(ctx context.Context, in *Input) []report.Result {
	found := make([][]report.Result, len(in.workloads))
	var group errgroup.Group
	group.SetLimit(maxWorkloads)
	for i := range in.workloads {
		group.Go(func() error {
			found[i] = c.one(ctx, in, &in.workloads[i])
			return nil
		})
	}
	_ = group.Wait() // the checks return no errors
	return slices.Concat(found...)
}

// one checks one workload. Its templates may be for nodes of different
// platforms, and are then reviewed one by one.
func (c *Check) one(ctx context.Context, in *Input, found *found) []report.Result {
	where := policy.Where{Namespace: found.Object.Namespace, Labels: c.labels(ctx, in, found.Object.Namespace)}
	named, unrendered := found.rendered()
	var all []decided
	for _, part := range c.Platforms.split(named) {
		all = append(all, decisions(c.engine(part.platforms).Review(ctx, part.workload, where))...)
	}
	if len(unrendered.Templates) > 0 {
		all = append(all, decisions(skipUnrendered(c.engine(nil), unrendered, where))...)
	}
	if errors.Is(ctx.Err(), context.Canceled) { // then nobody knows whether an answer would have come
		all = slices.DeleteFunc(all, func(r decided) bool { return r.Verdict == pull.Unknown })
	}
	results := c.results(ctx, in, found, all)
	slices.SortStableFunc(results, func(a, b report.Result) int { return cmp.Compare(a.Source.Line, b.Source.Line) })
	if c.Done != nil {
		c.Done(results)
	}
	return results
}

// engine returns the one for nodes of some platforms.
func (c *Check) engine(platforms []ocispec.Platform) *engine.Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := strings.Join(names(platforms), ",")
	if c.engines[key] == nil {
		if c.engines == nil {
			c.engines = map[string]*engine.Engine{}
		}
		c.engines[key] = c.Engine(platforms)
	}
	return c.engines[key]
}

func (c *Check) labels(ctx context.Context, in *Input, namespace string) map[string]string {
	labels, given := in.namespaces[namespace]
	if !given && c.Labels != nil {
		return c.Labels(ctx, namespace)
	}
	return labels
}
