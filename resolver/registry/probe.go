package registry

import (
	"context"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

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
	ctx, done := c.hosts.Wire.Question(ctx, reference.Domain(q.Image))
	defer done()
	switch {
	case q.Runtimes == pull.CRIO:
		return crioProbe{c}.probe(ctx, q)
	case q.Runtimes.Has(pull.CRIO):
		return c.probeMixed(ctx, q)
	default:
		return c.probe(ctx, q)
	}
}

// probe answers a query by containerd's rules.
func (c *Client) probe(ctx context.Context, q pull.Query) pull.Finding {
	finding, fresh := c.ask(ctx, q, false)
	if finding.Reason != pull.ReasonPullable && !fresh {
		c.forget(q.Image, q.Credential)
		if finding.Reason == pull.RateLimited {
			return finding
		}
		finding, _ = c.ask(ctx, q, true) // whatever others keep by now
	}
	if finding.Reason == pull.ReasonPullable || finding.Reason == pull.TagNotFound {
		c.weigh(q.Image, q.Credential, containerd.ByHosts) // after a missing tag, the others are asked for with the same token
	} else {
		c.forget(q.Image, q.Credential)
	}
	return finding
}

// ask resolves and reads once, anew or with what is kept.
func (c *Client) ask(ctx context.Context, q pull.Query, anew bool) (finding pull.Finding, fresh bool) {
	hosts, fresh, err := c.hostsFor(ctx, q.Image, q.Credential, containerd.ByHosts, anew)
	if err != nil {
		return answers.Unanswered(err), fresh
	}
	a := attempt{Query: q, client: c, hosts: hosts, mode: containerd.ByHosts, fresh: fresh, alone: q.Anew}
	found := a.look(ctx, a.byContainerd)
	if !fresh {
		return found.Finding, fresh
	}
	found = confirmation{&a}.confirm(ctx, found) // be it that others pull it: notes tell what these nodes refuse
	found.Finding = a.withoutHosts(ctx, found.Finding)
	return a.byOthers(ctx, found), fresh
}

// probeMixed answers a query for nodes with CRI-O and others.
func (c *Client) probeMixed(ctx context.Context, q pull.Query) pull.Finding {
	others, alone := q, q
	others.Runtimes, alone.Runtimes = q.Runtimes&^pull.CRIO, pull.CRIO
	runtime := "containerd"
	if !others.Runtimes.Has(pull.Containerd | pull.ContainerdLocal) {
		runtime = "another runtime"
	}
	byCRIO := crioProbe{c}.probe(ctx, alone)
	if byCRIO.Reason.Verdict() == pull.Unknown {
		return byCRIO
	}
	parts := []pull.Part[string]{
		{Of: runtime, Finding: c.probe(ctx, others)},
		{Of: "CRI-O", Finding: byCRIO},
	}
	finding, _ := pull.AllOf(slices.Values(parts), func(broken []pull.Part[string]) []pull.Note {
		var notes []pull.Note
		for _, part := range broken {
			notes = append(notes, mismatch("nodes that run %s could not pull it: %s", part.Of, part.Detail))
		}
		return notes
	})
	return finding
}

// attempt is one try to answer a query.
type attempt struct {
	pull.Query
	client *Client
	hosts  []docker.RegistryHost
	mode   containerd.Mode
	// fresh hosts were made for this very attempt; with others, what comes of
	// it is no answer yet unless it is Pullable.
	fresh bool
	// alone is that nothing counts that was read before.
	alone bool
}

// outcome is what came of one look.
type outcome struct {
	pull.Finding
	// schema1 is that the registry has a manifest of Docker's first schema.
	schema1 bool
	// unresolved is that the reference led nowhere.
	unresolved bool
	// failed is content that the registry did not give.
	failed []ocispec.Descriptor
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
	if _, password := a.Credential.Basic(); found.Reason == pull.CredentialsRejected && !found.LoginFailed && (password == "" || !memo.Shown()) {
		found.Reason, found.LoginFailed = pull.CredentialsRequired, false
		found.Detail = answers.OneLine(found.Detail + memo.Asked() + ", so that nodes do not send the credential")
	}
	if found.Reason == pull.RateLimited {
		found.RetryAfter = memo.RetryAfter()
	}
	found.Finding = answers.Redact(found.Finding, a.Credential, memo.Secrets()...)
	if found.key != nil && found.Reason == pull.ReasonPullable {
		a.client.read.Put(*found.key, pull.Keep(found.Finding))
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
		ignoring.hosts, ignoring.mode, ignoring.fresh = hosts, containerd.Plain, true
		return confirmation{&ignoring}.confirm(ctx, ignoring.look(ctx, ignoring.byContainerd)).Finding
	}, func(refused, _ pull.Finding) pull.Note {
		return mismatch("nodes whose containerd pulls by its local path, which alone heeds hosts.toml where config_path is a list, could not pull it: %s", refused.Detail)
	})
}

// byContainerd resolves the reference and reads what it leads to.
func (a *attempt) byContainerd(ctx context.Context) outcome {
	resolver := a.resolver()
	name := a.Image.String()
	_, root, err := resolver.Resolve(ctx, name)
	if err != nil {
		return a.unresolved(ctx, err)
	}
	key := keyOf(a.client.number, a.Query, root)
	if read, ok := a.client.read.Get(key); ok && !a.Layers && !a.alone {
		return outcome{Finding: read.Finding()}
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return outcome{Finding: answers.Of(err, a.Credential)}
	}
	kept := a.client.disk.Of(a.Image.Name())
	if a.alone {
		kept = nil
	}
	store := contents.NewStore(fetcher, kept)
	store.SizeOf = wire.BlobSize
	return a.evaluate(ctx, evaluation{Query: a.Query, store: store, root: root, host: a.upstream().Host})
}

// resolver is containerd's, for the hosts of the attempt.
func (a *attempt) resolver() remotes.Resolver {
	return docker.NewResolver(docker.ResolverOptions{
		Hosts: func(string) ([]docker.RegistryHost, error) { return a.hosts, nil },
	})
}

// unresolved says why a reference led nowhere.
func (a *attempt) unresolved(ctx context.Context, err error) outcome {
	found := outcome{Finding: answers.Of(err, a.Credential), schema1: errdefs.IsNotImplemented(err), unresolved: true}
	found.Node = containerd.UnresolvedWords(a.Image, a.Runtimes == pull.ContainerdLocal, err)
	by, unexplained := answers.Unexplained(err)
	switch {
	case !a.fresh: // it will be asked again
	case found.Reason == pull.UnsupportedImage:
		found.Finding = a.explainRefused(ctx, found.Finding)
	case unexplained:
		found.Finding = a.explainStatus(ctx, by, found.Finding)
	}
	return found
}

// evaluate says what nodes would get of what a reference led to, and whether
// that may be kept.
func (a *attempt) evaluate(ctx context.Context, e evaluation) outcome {
	found := outcome{Finding: e.find(ctx), schema1: e.schema1()}
	found.failed = e.store.Failed()
	if e.byHeader && a.fresh { // else it will be asked again
		found.Finding = a.explainRefused(ctx, found.Finding)
	}
	found.Digest = digest.Digest(strings.Clone(string(e.root.Digest))) // it is kept, and the header that it came in is not
	if !e.passing {
		key := keyOf(a.client.number, e.Query, e.root)
		found.key = &key
	}
	return found
}
