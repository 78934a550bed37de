package audit

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxWorkloads is how many workloads are under way at a time. What is asked of
// registries at a time is the prober's to bound.
const maxWorkloads = 64

// Audit is one pass. All fields are to be set before.
type Audit struct {
	Engine *engine.Engine
	// Labels returns a Namespace's labels.
	Labels func(ctx context.Context, namespace string) map[string]string
	// Fails tells whether the pass is to fail for a result.
	Fails func(verdict pull.Verdict, action policy.Action, mode policy.Mode) bool
	// Nodes are the cluster's, as far as they are known.
	Nodes []nodes.Node
	// Kubectl is the command with which the plan's commands begin, such as
	// "kubectl --context prod".
	Kubectl string
	// Done is told of every workload's results; may be nil.
	Done func([]report.Result)
}

// Outcome is what came of a pass.
type Outcome struct {
	Results []report.Result
	// Namespaces is the plan to roll enforce out.
	Namespaces []report.Namespace
	// Images are REPOSITORY@DIGEST of what runs and what new Pods would get,
	// sorted.
	Images []string
}

// Run looks at all workloads of an inventory.
func (a *Audit) Run(ctx context.Context, in *Inventory) Outcome {
	roots, containerd := in.podsByRoot(), a.containerd()
	found := make([]looked, len(in.subjects))
	var group errgroup.Group
	group.SetLimit(maxWorkloads)
	for i := range in.subjects {
		group.Go(func() error {
			found[i] = a.one(ctx, &in.subjects[i], roots[in.subjects[i].Metadata.UID], containerd)
			return nil
		})
	}
	_ = group.Wait() // the looks return no errors
	outcome := Outcome{Namespaces: plan(found, a.Kubectl), Images: in.running()}
	for _, one := range found {
		outcome.Results = append(outcome.Results, one.results...)
	}
	outcome.Images = inUse(outcome.Results, outcome.Images)
	return outcome
}

// looked is what came of one workload.
type looked struct {
	namespace string
	mode      policy.Mode
	results   []report.Result
	// refused tells of each result whether enforce would refuse it.
	refused []bool
}

// one looks at one workload, whatever the mode there, so that the plan knows
// what another would do; what counts is decided by the mode that there is.
func (a *Audit) one(ctx context.Context, s *subject, pods []*imminence.Pod, containerd func(string) bool) looked {
	where := policy.Where{Namespace: s.Object.Namespace}
	where.Labels = map[string]string{policy.ModeLabel: string(policy.Enforce)}
	enforced := a.Engine.Review(ctx, s.Workload, where)
	where.Labels = a.Labels(ctx, s.Object.Namespace)
	now := a.Engine.Policy.Decide(enforced.Report, where)
	one := looked{namespace: s.Object.Namespace, mode: now.Mode}
	for i := range enforced.Report.Results {
		r := &enforced.Report.Results[i]
		r.Notes = slices.Concat(r.Notes, s.foresee(r, imminence.Of(pods, r.Image, containerd)))
		one.refused = append(one.refused, enforced.Decision.Actions[i] == policy.Deny)
		one.results = append(one.results, report.Result{
			Object: s.Object, Field: r.Image.Field, Container: r.Image.Container, Image: r.Image.Reference,
			Resolved: r.Resolved, Digest: r.Digest, Verdict: r.Verdict, Reason: r.Reason,
			Mode: now.Modes[i], Action: now.Actions[i], Failed: a.Fails(r.Verdict, now.Actions[i], now.Modes[i]),
			Message: r.Message, Node: r.Node, Hint: r.Hint, Suggestions: r.Suggestions,
			Credentials: r.Credentials, Notes: r.Notes,
		})
	}
	if a.Done != nil {
		a.Done(one.results)
	}
	return one
}

// containerd tells whether a node is known to run it.
func (a *Audit) containerd() func(node string) bool {
	known := map[string]bool{}
	for _, node := range a.Nodes {
		known[node.Name] = node.Runtime == "containerd"
	}
	return func(node string) bool { return known[node] }
}
