package resolver

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"
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

// internalError is what is said of an image that a bug of ours kept from being
// checked.
const internalError = "not checked: an internal error of pullgate"

// Prober asks a registry about one image with one credential.
type Prober interface {
	Probe(ctx context.Context, query pull.Query) pull.Finding
	Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error)
}

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

	flights     flights
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
		result := check.published()
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
			check.publish(r.ownFault(value))
		}
	}()
	check.publish(check.run(ctx))
}

// ownFault is the verdict when we ourselves failed. Its reason is none of the
// closed set, for which no configuration denies.
func (r *Resolver) ownFault(value any) Result {
	if r.Observer != nil {
		r.Observer.Panicked(value, debug.Stack())
	}
	return Result{Verdict: pull.Unknown, Summary: internalError, Message: internalError}
}

// template is what the images of a pod template share.
type template struct {
	*workload.Template
	targets
	pod      keyring.Pod
	feasible []nodes.Node
	ring     func(context.Context) *keyring.Ring
	fresh    func(context.Context) *keyring.Ring
}

func (r *Resolver) newTemplate(w workload.Workload, t *workload.Template) *template {
	result := &template{Template: t, pod: keyring.Pod{
		Namespace: w.Object.Namespace, PullSecrets: t.PullSecrets,
		ServiceAccount: t.ServiceAccount, Inherit: t.Created,
	}}
	var all []nodes.Node
	if r.Nodes != nil {
		all = r.Nodes()
		result.feasible = nodes.Feasible(all, t.Spec, w.DaemonSet())
	}
	result.targets = r.targetsOf(result.feasible, all)
	result.ring = openOnce(r.Credentials, result.pod)
	if r.Fresh != nil {
		result.fresh = openOnce(r.Fresh, result.pod)
	}
	return result
}

// openOnce opens a Pod's keyring when the first image needs it, as the kubelet
// does: a Pod none of whose images need one reads no secret.
func openOnce(from Credentials, pod keyring.Pod) func(context.Context) *keyring.Ring {
	var once sync.Once
	var ring *keyring.Ring
	return func(ctx context.Context) *keyring.Ring {
		once.Do(func() { ring = from.Open(ctx, pod) })
		return ring
	}
}

// answered is a finding, and whether the question was under way already when
// it was put: then the answer may be one of a moment before.
type answered struct {
	pull.Finding
	joined bool
}

// probe asks one registry with one credential. Equal questions in flight are
// one request; each asker waits no longer than its own context.
func (r *Resolver) probe(ctx context.Context, query pull.Query, platforms string) answered {
	late := answered{Finding: pull.Finding{Reason: pull.Timeout, Detail: reference.Domain(query.Image) + " did not answer in time"}}
	if ctx.Err() != nil {
		return late
	}
	key := fmt.Sprintf("%s %x %s %t", query.Image, query.Credential.Fingerprint(), platforms, query.Layers)
	finding, joined, ok := r.flights.ask(ctx, reference.Domain(query.Image), key, func(ctx context.Context) pull.Finding {
		return r.put(ctx, query)
	})
	if !ok {
		return late
	}
	return answered{Finding: finding, joined: joined}
}

// put asks the registry; a bug of ours is no answer.
func (r *Resolver) put(ctx context.Context, query pull.Query) (finding pull.Finding) {
	defer func() {
		if value := recover(); value != nil {
			finding = pull.Finding{Reason: r.ownFault(value).Reason}
		}
	}()
	return r.Registry.Probe(ctx, query)
}
