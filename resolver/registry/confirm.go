package registry

import (
	"context"
	"slices"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// confirmation is an attempt whose refusal is asked for once more.
type confirmation struct{ *attempt }

// confirm asks once more before a refusal, over connections of its own: one bad
// answer is no proof. What led nowhere is asked for by GET, and has to be the
// registry's own word; what was read is read again. Two answers that do not
// agree are none.
func (c confirmation) confirm(ctx context.Context, found outcome) outcome {
	if found.Reason.Verdict() != pull.Broken {
		return found
	}
	ctx = wire.Alone(ctx)
	if found.unresolved && (found.Reason.NotFound() || found.Reason.Refused()) {
		return c.look(ctx, func(ctx context.Context) outcome { return c.bySecondLook(ctx, found) })
	}
	again := *c.attempt
	hosts, err := c.anew(ctx)
	if err != nil {
		found.Finding = answers.Unanswered(err)
		return found
	}
	again.hosts, again.alone = hosts, true
	second := again.look(ctx, again.byContainerd)
	second.Finding = agreed(found.Finding, second.Finding)
	if second.Reason.NotFound() || second.Reason.Refused() || second.Reason == pull.BlobMissing {
		return c.look(ctx, func(ctx context.Context) outcome { return confirmation{&again}.byParts(ctx, second) })
	}
	return second
}

// anew makes hosts that nothing is known of yet.
func (c confirmation) anew(ctx context.Context) ([]docker.RegistryHost, error) {
	hosts, err := c.client.hosts.For(ctx, reference.Domain(c.Image), c.Credential, c.mode)
	if err == nil {
		wire.Serialize(hosts)
	}
	return hosts, err
}

// agreed is a refusal that was found twice. What was found once is unknown.
func agreed(first, second pull.Finding) pull.Finding {
	switch {
	case second.Reason.Verdict() == pull.Unknown:
		return second
	case first.Reason != second.Reason, first.Digest != second.Digest:
		return pull.Finding{Reason: pull.RegistryError, Digest: second.Digest,
			Detail: answers.OneLine("asked twice, the registry gave two answers; the first was: " + first.Detail)}
	default:
		return second
	}
}

// bySecondLook asks every host by GET what it answered to HEAD. A refused token
// is not shown again.
func (c confirmation) bySecondLook(ctx context.Context, found outcome) outcome {
	hosts := c.hosts
	if found.Reason.Refused() {
		var err error
		if hosts, err = c.anew(ctx); err != nil {
			found.Finding = answers.Unanswered(err)
			return found
		}
	}
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(host docker.RegistryHost) bool { return !host.Capabilities.Has(c.capabilities()) })
	path := "manifests/" + pull.Object(c.Image)
	first, agree := found.Finding, false
	for _, host := range hosts {
		w := witness{Query: c.Query, host: host, path: path}
		said := w.hear(ctx)
		if said.Reason == pull.ReasonPullable && found.Reason.NotFound() && len(hosts) == 1 && c.byHeadAlone(ctx, &w) {
			found.Finding = w.word(first, said)
			found.HeadLies = true
			found.Detail = host.Host + " answers 404 to HEAD, which containerd asks, and 200 to GET"
			return found
		}
		if said.Reason.Verdict() != pull.Broken {
			found.Finding = agreed(first, said)
			return found
		}
		if said.Reason.NotFound() == found.Reason.NotFound() {
			agree = true
			found.Finding = w.word(first, said)
		}
	}
	if !agree {
		found.Finding = agreed(first, pull.Finding{Reason: pull.ReasonPullable})
	}
	return found
}

// capabilities are those of the hosts that containerd asks (core/remotes/docker/
// resolver.go, Resolve).
func (c confirmation) capabilities() docker.HostCapabilities {
	if _, digested := c.Image.(reference.Digested); digested {
		return docker.HostCapabilityPull
	}
	return docker.HostCapabilityPull | docker.HostCapabilityResolve
}

// byHeadAlone tells whether a host that gives on GET what is not there for HEAD
// always does so: after GET, HEAD, GET once more and HEAD twice. In this order,
// machines that take turns would be found out.
func (c confirmation) byHeadAlone(ctx context.Context, w *witness) bool {
	if w.hear(ctx).Reason != pull.ReasonPullable {
		return false
	}
	for range 2 {
		ctx, _ := wire.WithMemo(containerd.Quiet(ctx))
		_, _, err := c.resolver().Resolve(ctx, c.Image.String())
		if err == nil || !answers.Of(err, c.Credential).Reason.NotFound() {
			return false
		}
	}
	return true
}

// byParts hears by whose word a part of an image is missing or refused.
func (c confirmation) byParts(ctx context.Context, found outcome) outcome {
	for _, desc := range found.failed {
		w := witness{Query: c.Query, host: c.upstream(), path: pathOf(desc)}
		if said := w.hear(ctx); said.Reason.Verdict() != pull.Broken {
			found.Finding = agreed(found.Finding, said)
			return found
		}
	}
	return found
}

// pathOf is where containerd asks for content.
func pathOf(desc ocispec.Descriptor) string {
	kind := "blobs/"
	if images.IsManifestType(desc.MediaType) || images.IsIndexType(desc.MediaType) {
		kind = "manifests/"
	}
	return kind + desc.Digest.String()
}
