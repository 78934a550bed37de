// Package check looks through manifests for images and finds out about each, as
// admission would: with the Secrets, ServiceAccounts and Namespaces among the
// manifests, for the platforms of the nodes, every question asked once.
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
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/manifest"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
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
// order.
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
	var results []report.Result
	for _, part := range c.Platforms.split(found.Workload) {
		outcome := c.engine(part.platforms).Review(ctx, part.workload, where)
		for i, result := range outcome.Report.Results {
			results = append(results, c.result(found, decided{result, outcome.Decision.Actions[i], outcome.Decision.Modes[i]}))
		}
	}
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

// Input is what is to be checked, and what counts for it.
type Input struct {
	// Objects counts the objects that were read.
	Objects int
	// Problems are what could not be read.
	Problems []report.Problem

	workloads  []found
	namespaces map[string]map[string]string
	given      *Given
}

// found is a workload with the place where it was found.
type found struct {
	workload.Workload
	object *manifest.Object // nil for an image of the command line
}

// NewInput looks through what was read. Objects without a namespace are taken
// to be in the given one. Secrets and ServiceAccounts are added to given.
func NewInput(stream manifest.Stream, kinds *workload.Kinds, given *Given, namespace string) *Input {
	in := &Input{given: given, namespaces: map[string]map[string]string{}, Objects: len(stream.Objects)}
	for _, problem := range stream.Problems {
		in.Problems = append(in.Problems, problemOf(problem))
	}
	for i := range stream.Objects {
		in.add(&stream.Objects[i], kinds, namespace)
	}
	return in
}

func problemOf(p *manifest.Problem) report.Problem {
	return report.Problem{Source: report.Source(p.Position), Message: p.Err.Error(), Hint: p.Hint}
}

// add takes an object up, if it matters.
func (in *Input) add(object *manifest.Object, kinds *workload.Kinds, namespace string) {
	head := readHeader(object.Raw)
	if in.given.add(head, object.Raw, namespace) {
		return
	}
	if head.is("Namespace") {
		in.namespaces[head.Metadata.Name] = head.Metadata.Labels
		return
	}
	w, err := kinds.Read(object.Raw, workload.Create)
	switch {
	case errors.Is(err, workload.ErrUnknownKind):
	case err != nil:
		in.Problems = append(in.Problems, shapeProblem(object, err))
	default:
		w.Object.Namespace = cmp.Or(w.Object.Namespace, namespace)
		in.workloads = append(in.workloads, found{w, object})
	}
}

// shapeProblem says where an object is not as its kind is. The error begins
// with the field's path.
func shapeProblem(object *manifest.Object, err error) report.Problem {
	field, what, _ := strings.Cut(err.Error(), ":")
	problem := report.Problem{Source: report.Source(object.Find(field, "")), Message: err.Error()}
	if strings.HasSuffix(what, "where a string is expected") {
		problem.Hint = "put it into quotes"
	}
	return problem
}

// AddImages adds images that are named alone, as those of Pods without pull
// secrets in a namespace.
func (in *Input) AddImages(images []string, namespace string) {
	for _, image := range images {
		in.workloads = append(in.workloads, found{Workload: workload.Workload{
			Object: workload.Object{Namespace: namespace},
			Templates: []workload.Template{{
				Spec: &corev1.PodSpec{}, ServiceAccount: "default", Created: true,
				Images: []workload.Image{{Role: workload.Container, Reference: image, Policy: corev1.PullIfNotPresent, Mounted: true}},
			}},
		}})
	}
}

// Images counts the uses of images that are to be checked.
func (in *Input) Images() int {
	n := 0
	for _, w := range in.workloads {
		for _, t := range w.Templates {
			n += len(t.Images)
		}
	}
	return n
}

// fails tells whether the check is to fail for a verdict: only where the mode
// is enforce, since in others admission would not refuse.
func (c *Check) fails(verdict pull.Verdict, action policy.Action, mode policy.Mode) bool {
	if mode != policy.Enforce {
		return false
	}
	switch c.FailOn {
	case OnBroken:
		return action == policy.Deny
	case OnUnknown:
		return verdict == pull.Broken || verdict == pull.Unknown
	default:
		return false
	}
}
