package resolver

import (
	"context"
	"sync"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/workload"
)

// template is what the images of a pod template share.
type template struct {
	*workload.Template
	targets
	pod      keyring.Pod
	feasible []nodes.Node
	// settings says that the nodes' settings for registries are not known.
	settings bool
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
	result.settings = r.settings(orAll(result.feasible, all))
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

// orAll returns the nodes on which a Pod can land; where it can on none yet,
// all: a node that comes for it will be like the others.
func orAll(feasible, all []nodes.Node) []nodes.Node {
	if len(feasible) == 0 {
		return all
	}
	return feasible
}
