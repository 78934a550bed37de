package registry

import (
	"context"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
)

// nodeKind is what nodes have in common that pull an image by the same rules.
type nodeKind struct {
	name     string // as notes speak of these nodes
	platform *ocispec.Platform
	// pull is what they would get.
	pull func(context.Context) pull.Finding
}

// kinds returns the kinds of nodes of one platform; nil: any platform. For a
// runtime that nobody here knows, containerd's rules stand at first: what they
// refuse is asked for by CRI-O's, too.
func (e *evaluation) kinds(platform *ocispec.Platform) []nodeKind {
	if e.crio != nil {
		return e.crioKinds(platform)
	}
	name := "any platform"
	if platform != nil {
		name = platforms.FormatAll(*platform)
	}
	runtimes := e.Runtimes.Known()
	current := " that run containerd"
	if !runtimes.Has(pull.Containerd) {
		current = " that run another runtime"
	}
	old := containerd.Before23(platform)
	var kinds []nodeKind
	for _, kind := range []struct {
		of   pull.Runtimes
		name string
		pull func(context.Context) pull.Finding
	}{
		{pull.Containerd | pull.OtherRuntime, current, func(ctx context.Context) pull.Finding { return e.byEitherPath(ctx, platform) }},
		{pull.ContainerdLocal, " that run containerd before 2.1", func(ctx context.Context) pull.Finding { return old.Pull(ctx, e.Query, e.store, e.root) }},
	} {
		if runtimes.Has(kind.of) {
			kinds = append(kinds, nodeKind{name: name + kind.name, platform: platform, pull: kind.pull})
		}
	}
	if len(kinds) == 1 {
		kinds[0].name = name
	}
	return kinds
}

// byEitherPath says what nodes would get that pull by one of containerd's ways,
// nobody can tell by which, and may be older than 2.3.
func (e *evaluation) byEitherPath(ctx context.Context, platform *ocispec.Platform) pull.Finding {
	transfer, local := containerd.Paths(platform)
	byLocal := func() pull.Finding { return local.Pull(ctx, e.Query, e.store, e.root) }
	before23 := func() pull.Finding { return containerd.Before23(platform).Pull(ctx, e.Query, e.store, e.root) }
	finding := transfer.Pull(ctx, e.Query, e.store, e.root)
	if platform == nil {
		return pull.AnyOf(func(yield func(pull.Finding) bool) { _ = yield(finding) && yield(byLocal()) && yield(before23()) })
	}
	finding = finding.Or(byLocal, func(refused, _ pull.Finding) pull.Note {
		return mismatch("nodes of %s can pull it by containerd's local path alone, not by the transfer service, the default since containerd 2.1: %s",
			platforms.FormatAll(*platform), refused.Detail)
	})
	if finding.Reason != pull.PlatformMismatch {
		return finding
	}
	return finding.Or(before23, func(refused, _ pull.Finding) pull.Note {
		return mismatch("nodes of %s can pull it with containerd before 2.3 alone, which overlooks the os.features that the index asks for: %s",
			platforms.FormatAll(*platform), refused.Detail)
	})
}
