package registry

import (
	"context"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// Probe answers a query. A refusal is never told from memory: what was kept
// from earlier checks is dropped and the registry asked again before.
func (c *Client) Probe(ctx context.Context, q pull.Query) pull.Finding {
	q.Image = pulledReference(q.Image)
	finding, fresh := c.ask(ctx, q, false)
	if finding.Reason != pull.ReasonPullable && !fresh {
		c.forget(q.Image, q.Credential)
		if finding.Reason == pull.RateLimited {
			return finding
		}
		finding, _ = c.ask(ctx, q, true) // whatever others keep by now
	}
	if finding.Reason == pull.ReasonPullable || finding.Reason == pull.TagNotFound {
		c.weigh(q.Image, q.Credential, modeOf(q)) // after a missing tag, the others are asked for with the same token
	} else {
		c.forget(q.Image, q.Credential)
	}
	return finding
}

// pulledReference is the reference that containerd resolves: with a digest,
// the tag is dropped and never checked.
func pulledReference(image reference.Named) reference.Named {
	digested, ok := image.(reference.Digested)
	if !ok {
		return reference.TagNameOnly(image)
	}
	canonical, err := reference.WithDigest(reference.TrimNamed(image), digested.Digest())
	if err != nil {
		return image // cannot be: the parts come from a valid reference
	}
	return canonical
}

// modeOf is how much of hosts.toml counts for the nodes' runtimes.
func modeOf(q pull.Query) containerd.Mode {
	if q.Runtimes == pull.CRIO {
		return containerd.Direct
	}
	return containerd.ByHosts
}

// ask resolves and reads once, anew or with what is kept.
func (c *Client) ask(ctx context.Context, q pull.Query, anew bool) (finding pull.Finding, fresh bool) {
	hosts, fresh, err := c.hostsFor(ctx, q.Image, q.Credential, modeOf(q), anew)
	if err != nil {
		return answers.Unanswered(err), fresh
	}
	a := attempt{Query: q, client: c, hosts: hosts, fresh: fresh}
	found := a.look(ctx, a.byContainerd)
	if fresh {
		found.Finding = a.withoutHosts(ctx, found.Finding)
		found.Finding = a.byOthers(ctx, found)
	}
	return found.Finding, fresh
}

// attempt is one try to answer a query.
type attempt struct {
	pull.Query
	client *Client
	hosts  []docker.RegistryHost
	// fresh hosts were made for this very attempt; with others, what comes of
	// it is no answer yet unless it is Pullable.
	fresh bool
}

// outcome is what came of one look.
type outcome struct {
	pull.Finding
	// schema1 is that the registry has a manifest of Docker's first schema.
	schema1 bool
	// key is under which the finding may be kept; nil: it may not.
	key *readKey
}

// look lets a runtime look. It is the one exit of all that is found: nothing of
// the credential leaves it, for whoever asked or for others, who may be told
// what is kept.
func (a *attempt) look(ctx context.Context, by func(context.Context) outcome) outcome {
	ctx, memo := wire.WithMemo(containerd.Quiet(ctx))
	found := by(ctx)
	if err := memo.FirstUnanswered(); err != nil {
		// Another host gave no answer; a node may get one from it.
		found.Finding = found.Unless(answers.Unanswered(err))
	}
	found.Finding = answers.Redact(found.Finding, a.Credential)
	if found.key != nil && found.Reason == pull.ReasonPullable {
		a.client.read.Put(*found.key, found.Finding)
	}
	return found
}

// withoutHosts looks at a refusal once more as containerd's transfer service
// does where config_path lists several directories: it takes the list for the
// name of one, and so heeds no hosts.toml (internal/cri/server/images/
// image_pull.go, pullImageWithTransferService; containerd#12808).
func (a *attempt) withoutHosts(ctx context.Context, finding pull.Finding) pull.Finding {
	if !a.Runtimes.Known().Has(pull.Containerd) || !a.client.hosts.Listed(reference.Domain(a.Image)) {
		return finding
	}
	return finding.Or(func() pull.Finding {
		hosts, _, err := a.client.hostsFor(ctx, a.Image, a.Credential, containerd.Plain, true)
		if err != nil {
			return answers.Unanswered(err)
		}
		ignoring := *a
		ignoring.hosts = hosts
		return ignoring.look(ctx, ignoring.byContainerd).Finding
	}, func(refused, _ pull.Finding) pull.Note {
		return mismatch("nodes whose containerd pulls by its local path, which alone heeds hosts.toml where config_path is a list, could not pull it: %s", refused.Detail)
	})
}

// byContainerd resolves the reference and reads what it leads to.
func (a *attempt) byContainerd(ctx context.Context) outcome {
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts: func(string) ([]docker.RegistryHost, error) { return a.hosts, nil },
	})
	name := a.Image.String()
	_, root, err := resolver.Resolve(ctx, name)
	if err != nil {
		return a.unresolved(ctx, err)
	}
	key := keyOf(a.Query, root)
	if read, ok := a.client.read.Get(key); ok && !a.Layers {
		return outcome{Finding: read}
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return outcome{Finding: answers.Of(err, a.Credential)}
	}
	store := contents.NewStore(fetcher, a.client.disk.Of(a.Image.Name()))
	return a.evaluate(ctx, evaluation{Query: a.Query, store: store, root: root, host: a.upstream().Host})
}

// unresolved says why a reference led nowhere.
func (a *attempt) unresolved(ctx context.Context, err error) outcome {
	found := outcome{Finding: answers.Of(err, a.Credential), schema1: errdefs.IsNotImplemented(err)}
	found.Node = containerd.UnresolvedWords(a.Image, a.Runtimes == pull.ContainerdLocal, err)
	switch {
	case !a.fresh: // it will be asked again
	case found.Reason == pull.TagNotFound:
		found.Finding = a.explain404(ctx, found.Finding)
	case found.Reason == pull.UnsupportedImage:
		found.Finding = a.explainRefused(ctx, found.Finding)
	}
	return found
}

// evaluate says what nodes would get of what a reference led to, and whether
// that may be kept.
func (a *attempt) evaluate(ctx context.Context, e evaluation) outcome {
	found := outcome{Finding: e.find(ctx), schema1: e.schema1()}
	if e.byHeader && a.fresh { // else it will be asked again
		found.Finding = a.explainRefused(ctx, found.Finding)
	}
	found.Digest = e.root.Digest
	if !e.passing {
		key := keyOf(e.Query, e.root)
		found.key = &key
	}
	return found
}
