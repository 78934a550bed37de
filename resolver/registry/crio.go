package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// crioProbe answers queries for nodes with CRI-O alone.
type crioProbe struct{ client *Client }

// crioAttempt is one try to answer a query as CRI-O does.
type crioAttempt struct {
	attempt
	repository *crio.Repository
}

// probe answers a query, be it for a short name: for what it stands, registries.conf
// says. Where that is in several registries, CRI-O tries one after the other, or
// refuses because that is ambiguous, as its version and settings are.
func (p crioProbe) probe(ctx context.Context, q pull.Query) pull.Finding {
	candidates, err := p.client.crio.candidates(q)
	if errors.Is(err, crio.ErrUnread) {
		return answers.Unanswered(err)
	}
	if err != nil {
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: answers.OneLine(err.Error()), Forbidden: true, Node: answers.Line(err.Error(), answers.MaxNode)}
	}
	finding := pull.AnyOf(func(yield func(pull.Finding) bool) {
		for _, q.Image = range candidates {
			if !yield(p.probeImage(ctx, q)) {
				return
			}
		}
	})
	if finding.Reason == pull.ReasonPullable && len(candidates) > 1 {
		return pull.Finding{Reason: pull.RegistryError, Doubt: fmt.Sprintf(
			"CRI-O finds it on %s, unless its short_name_mode is enforcing, for which the name is ambiguous", reference.Domain(q.Image))}
	}
	return finding
}

// probeImage answers a query. What registries demanded and token servers gave is kept; a
// refusal is never told from that, and asked for once more over connections of its
// own: one bad answer is no proof.
func (p crioProbe) probeImage(ctx context.Context, q pull.Query) pull.Finding {
	kept, fresh, err := p.client.crio.repository(ctx, q, false)
	if err != nil {
		return answers.Unanswered(err)
	}
	defer p.client.crio.weigh(q)
	found := p.ask(ctx, q, kept)
	if found.Reason == pull.ReasonPullable || found.Reason == pull.RateLimited {
		return found
	}
	if !fresh {
		found = p.anew(ctx, q)
	}
	if found.Reason.Verdict() == pull.Broken {
		found = agreed(found, p.anew(wire.Alone(ctx), q))
	}
	if found.Reason.Verdict() != pull.Pullable {
		p.client.crio.forget(q)
	}
	return found
}

// anew asks with nothing at hand.
func (p crioProbe) anew(ctx context.Context, q pull.Query) pull.Finding {
	repository, _, err := p.client.crio.repository(ctx, q, true)
	if err != nil {
		return answers.Unanswered(err)
	}
	return p.ask(ctx, q, repository)
}

// ask resolves and reads once.
func (p crioProbe) ask(ctx context.Context, q pull.Query, repository *crio.Repository) pull.Finding {
	a := crioAttempt{attempt{Query: q, client: p.client}, repository}
	return a.look(ctx, a.byCRIO).Finding
}

// byCRIO asks and reads as CRI-O does, from the beginning.
func (a *crioAttempt) byCRIO(ctx context.Context) outcome {
	if why := a.client.crio.policy.Rejects(a.Image); why != "" {
		return outcome{Finding: pull.Finding{Reason: pull.UnsupportedImage, Detail: why, Forbidden: true, Node: "SignatureValidationFailed: Source image rejected: " + why}}
	}
	image, err := a.repository.Resolve(ctx, a.Image)
	if err != nil {
		finding := crio.Finding(err, a.Image, a.Credential)
		if crio.AtPing(err) {
			finding = a.proveRegistry(ctx, err, finding)
		}
		finding.Unasked = finding.Reason.Verdict() == pull.Broken && !a.repository.Asked()
		return outcome{Finding: finding, unresolved: true}
	}
	e := evaluation{Query: a.Query, root: image.Root, host: reference.Domain(a.Image), crio: image}
	finding := e.evaluate(ctx)
	finding.Digest = image.Root.Digest
	finding.Unasked = finding.Reason.Verdict() == pull.Broken && !a.repository.Asked()
	return outcome{Finding: finding}
}

// proveRegistry asks who answers GET /v2/ as no registry does for the manifest all
// the same. If it is given, this is the registry, to which CRI-O will never come; if
// it is refused in a registry's own word, that holds for CRI-O, too.
func (a *crioAttempt) proveRegistry(ctx context.Context, err error, finding pull.Finding) pull.Finding {
	itself := a.repository.Itself()
	hosts, failed := a.client.hosts.For(ctx, reference.Domain(itself.Image), itself.Credential, containerd.Direct)
	if failed != nil {
		return finding
	}
	w := witness{Query: a.Query, host: hosts[len(hosts)-1], path: "manifests/" + pull.Object(itself.Image)}
	last := itself.Endpoints[len(itself.Endpoints)-1] // the one whose answer it was
	w.Image, w.Credential, w.host.Scheme, w.host.Client = itself.Image, itself.Credential, last.Scheme, last.Client
	switch said := w.hear(ctx); {
	case said.Reason == pull.ReasonPullable:
		finding.Reason = pull.UnsupportedImage
	case said.Reason.NotFound():
		finding.Reason = said.Reason
	}
	finding.Node = answers.Line(err.Error(), answers.MaxNode)
	return finding
}

// crioKinds is the one kind of nodes that CRI-O's rules are for.
func (e *evaluation) crioKinds(platform *ocispec.Platform) []nodeKind {
	name := "any platform"
	if platform != nil {
		name = platforms.FormatAll(*platform)
	}
	return []nodeKind{{name: name, platform: platform, pull: func(ctx context.Context) pull.Finding {
		if err := e.crio.Check(ctx, platform, e.Layers); err != nil {
			return crio.Finding(err, e.Image, e.Credential)
		}
		return pull.Finding{Reason: pull.ReasonPullable}
	}}}
}
