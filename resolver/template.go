package resolver

import (
	"context"
	"slices"
	"sync"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// template is what the images of a pod template share.
type template struct {
	*workload.Template
	targets
	pod      keyring.Pod
	feasible []nodes.Node
	// likely are the feasible nodes; where there are none yet, all.
	likely []nodes.Node
	// authFile says that nodes may look for a credential where Pullgate does
	// not: where the kubelet hands over none, or one without a user name, CRI-O
	// reads its global_auth_file (CRI-O server/image_pull.go, PullImage). If
	// the nodes' config.json is known, it is taken for that file, too.
	authFile bool
	// settings says that the nodes' settings for registries are not known.
	settings bool
	ring     opener
	fresh    *opener // nil: there is no other
}

func (r *Resolver) newTemplate(ctx context.Context, w workload.Workload, t *workload.Template) *template {
	made := &template{Template: t, pod: keyring.Pod{
		Namespace: w.Object.Namespace, PullSecrets: t.PullSecrets,
		ServiceAccount: t.ServiceAccount, InheritsSecrets: t.InheritsSecrets,
	}}
	var all []nodes.Node
	if r.Nodes != nil {
		all = r.Nodes()
		made.feasible = nodes.Feasible(all, t.Spec, w.DaemonSet())
	}
	var profiles []nodes.Profile
	if r.Profiles != nil {
		profiles = r.Profiles()
	}
	made.targets = r.lastTargets.of(made.feasible, all, mayCome{r.Platforms, r.Runtimes, profiles})
	made.authFile = made.runtimes.Has(pull.CRIO) && !r.NodeConfig
	made.likely = orAll(made.feasible, all)
	made.settings = r.settings(made.likely, profiles)
	made.ring.from, made.ring.pod = r.Credentials, made.pod
	made.ring.recall(ctx)
	if r.Fresh != nil {
		made.fresh = &opener{from: r.Fresh, pod: made.pod}
	}
	return made
}

// opener opens a Pod's keyring when the first image needs it, as the kubelet
// does: a Pod none of whose images need one reads no secret.
type opener struct {
	from Credentials
	pod  keyring.Pod
	once sync.Once
	ring *keyring.Ring
}

// recaller are Credentials that may know a Pod's keyring without asking anybody.
type recaller interface {
	Recall(ctx context.Context, pod keyring.Pod) (*keyring.Ring, bool)
}

// recall opens the keyring if nobody has to be asked for it.
func (o *opener) recall(ctx context.Context) {
	if from, ok := o.from.(recaller); ok {
		if ring, known := from.Recall(ctx, o.pod); known {
			o.once.Do(func() { o.ring = ring })
		}
	}
}

// opened returns the keyring if it was recalled; it is for who comes before the
// first to open it.
func (o *opener) opened() *keyring.Ring { return o.ring }

// open opens the keyring, if it is not. It calls waits first.
func (o *opener) open(ctx context.Context, waits func()) *keyring.Ring {
	o.once.Do(func() {
		waits()
		o.ring = o.from.Open(ctx, o.pod)
	})
	return o.ring
}

// settings tells whether one of the nodes has settings for registries that are
// not known here. K3s and RKE2 make their hosts.toml files and credentials of
// registries.yaml (k3s pkg/agent/containerd/config.go).
func (r *Resolver) settings(of []nodes.Node, profiles []nodes.Profile) bool {
	return !r.HostsKnown && slices.ContainsFunc(of, func(node nodes.Node) bool {
		return node.Registries && !nodes.Profiled(profiles, node)
	})
}
