package registry

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Probe answers a query. A refusal is never told from memory: what was kept
// from earlier checks is dropped and the registry asked again before.
func (c *Client) Probe(ctx context.Context, q pull.Query) pull.Finding {
	q.Image = pulledReference(q.Image)
	finding, fresh := c.ask(ctx, q, false)
	if finding.Reason == pull.ReasonPullable {
		return finding
	}
	if !fresh {
		c.forget(q.Image, q.Credential)
		if finding.Reason == pull.RateLimited {
			return finding
		}
		finding, _ = c.ask(ctx, q, true) // whatever others keep by now
	}
	if finding.Reason != pull.ReasonPullable && finding.Reason != pull.TagNotFound {
		c.forget(q.Image, q.Credential) // after a missing tag, the others are asked for with the same token
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

// ask resolves and reads once, anew or with what is kept.
func (c *Client) ask(ctx context.Context, q pull.Query, anew bool) (finding pull.Finding, fresh bool) {
	ctx = c.quieten(ctx)
	by := byHosts
	if q.Runtimes == pull.CRIO {
		by = direct
	}
	hosts, fresh, err := c.hostsFor(ctx, q.Image, q.Credential, by, anew)
	if err != nil {
		return badHosts(err), fresh
	}
	if len(hosts) == 0 {
		return pull.Finding{Reason: pull.RegistryError, Detail: "hosts.toml names no host for " + reference.Domain(q.Image)}, fresh
	}
	check := check{Query: q, client: c, hosts: hosts, fresh: fresh}
	finding = check.answer(ctx)
	if fresh {
		finding = check.reconsider(ctx, check.withoutHosts(ctx, finding))
	}
	return finding, fresh
}

// badHosts is the finding where hosts.toml leads nowhere.
func badHosts(err error) pull.Finding {
	return pull.Finding{Reason: pull.RegistryError, Detail: oneLine("registry hosts: " + err.Error())}
}

// check is one probe under way.
type check struct {
	pull.Query
	client *Client
	hosts  []docker.RegistryHost
	// fresh hosts were made for this check; with others, what comes of it is
	// no answer yet unless it is Pullable.
	fresh bool
	// passing is that what was read says more of the registry, or of who asked,
	// than of the content: a child that is missing is pushed, one that was
	// refused is given to others. It is not kept.
	passing bool
	// schema1 is that the registry has a manifest of Docker's first schema.
	schema1 bool
}

// answer is what comes of one run.
func (k *check) answer(ctx context.Context) pull.Finding {
	ctx, seen := withExchange(ctx)
	finding := redact(k.run(ctx), k.Credential)
	if trouble := seen.firstTrouble(); trouble != nil && finding.Reason.Verdict() == pull.Broken {
		// Another host gave no answer; a node may get one from it.
		return redact(inTrouble(trouble), k.Credential)
	}
	return finding
}

// withoutHosts looks at a refusal once more as containerd's transfer service
// does where config_path lists several directories: it takes the list for the
// name of one, and so heeds no hosts.toml (internal/cri/server/images/
// image_pull.go, pullImageWithTransferService; containerd#12808).
func (k *check) withoutHosts(ctx context.Context, finding pull.Finding) pull.Finding {
	if finding.Reason.Verdict() != pull.Broken || !k.Runtimes.Known().Has(pull.Containerd) || !k.client.listed(reference.Domain(k.Image)) {
		return finding
	}
	hosts, _, err := k.client.hostsFor(ctx, k.Image, k.Credential, plain, true)
	if err != nil {
		return badHosts(err)
	}
	ignoring := *k
	ignoring.hosts = hosts
	other := ignoring.answer(ctx)
	if other.Reason.Verdict() == pull.Broken {
		return finding
	}
	if other.Reason == pull.ReasonPullable {
		other.Notes = append(other.Notes, pull.Note{Reason: pull.SomeNodesMismatch, Message: oneLine(
			"nodes whose containerd pulls by its local path, which alone heeds hosts.toml where config_path is a list, could not pull it: " + finding.Detail)})
	}
	return other
}

// run resolves the reference and reads what it leads to.
func (k *check) run(ctx context.Context) pull.Finding {
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts: func(string) ([]docker.RegistryHost, error) { return k.hosts, nil },
	})
	name := k.Image.String()
	_, root, err := resolver.Resolve(ctx, name)
	if err != nil {
		return k.unresolved(ctx, err)
	}
	key := k.readKey(root)
	if read, ok := k.client.read.Get(key); ok && !k.Layers {
		return read
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return classify(err, k.Credential)
	}
	// What is kept is told to others, who shall not learn of this credential.
	finding := redact(k.judge(ctx, newStore(fetcher, k.client.disk.of(k.Image.Name())), root), k.Credential)
	if finding.Reason == pull.ReasonPullable && !k.passing {
		k.client.read.Add(key, finding)
	}
	return finding
}

// unresolved says why a reference led nowhere.
func (k *check) unresolved(ctx context.Context, err error) pull.Finding {
	finding := classify(err, k.Credential)
	k.schema1 = errdefs.IsNotImplemented(err)
	if k.Runtimes == pull.ContainerdLocal { // client/pull.go, fetch
		finding.Node = k.words(fmt.Errorf("failed to resolve reference %q: %w", k.Image, err))
	} else { // core/transfer/local/pull.go
		finding.Node = k.words(fmt.Errorf("failed to resolve image: %w", err))
	}
	switch {
	case !k.fresh: // it will be asked again
		return finding
	case finding.Reason == pull.TagNotFound:
		return k.explain404(ctx, finding)
	case finding.Reason == pull.UnsupportedImage:
		return k.explainRefused(ctx, finding)
	default:
		return finding
	}
}
