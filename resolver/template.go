package resolver

import (
	"context"
	"slices"
	"sync"

	"github.com/distribution/reference"

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
	// authFile says that nodes may look for a credential where Pullgate does
	// not: where the kubelet hands over none, or one without a user name, CRI-O
	// reads its global_auth_file (CRI-O server/image_pull.go, PullImage). If
	// the nodes' config.json is known, it is taken for that file, too.
	authFile bool
	// settings says that the nodes' settings for registries are not known.
	settings bool
	ring     opener
	fresh    opener
}

func (r *Resolver) newTemplate(w workload.Workload, t *workload.Template) *template {
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
	made.settings = r.settings(orAll(made.feasible, all), profiles)
	made.ring = openOnce(r.Credentials, made.pod)
	if r.Fresh != nil {
		made.fresh = openOnce(r.Fresh, made.pod)
	}
	return made
}

// opener opens a Pod's keyring. It calls waits first where that may take long.
type opener func(ctx context.Context, waits func()) *keyring.Ring

// openOnce opens a Pod's keyring when the first image needs it, as the kubelet
// does: a Pod none of whose images need one reads no secret.
func openOnce(from Credentials, pod keyring.Pod) opener {
	var once sync.Once
	var ring *keyring.Ring
	return func(ctx context.Context, waits func()) *keyring.Ring {
		once.Do(func() {
			waits()
			ring = from.Open(ctx, pod)
		})
		return ring
	}
}

// settings tells whether one of the nodes has settings for registries that are
// not known here. K3s and RKE2 make their hosts.toml files and credentials of
// registries.yaml (k3s pkg/agent/containerd/config.go).
func (r *Resolver) settings(of []nodes.Node, profiles []nodes.Profile) bool {
	return !r.HostsKnown && slices.ContainsFunc(of, func(node nodes.Node) bool {
		return node.Registries && !nodes.Profiled(profiles, node)
	})
}

// presentOn finds a node on which the Pod can land and that lists the image,
// best of all one that lets every Pod use it.
func (t *template) presentOn(image reference.Named) (found pull.Presence) {
	for _, node := range t.feasible {
		if !node.Has(image) {
			continue
		}
		if !node.Lends(image) {
			return pull.Presence{Node: node.Name}
		}
		if found.Node == "" {
			found = pull.Presence{Node: node.Name, Lent: true}
		}
	}
	return found
}
