package containerd

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/answers"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// Path is one of containerd's two ways to pull.
type Path struct {
	matcher platforms.MatchComparer // for what is fetched
	picker  platforms.MatchComparer // for the image among what was fetched
	local   bool                    // takes one manifest from an index, not all that match
}

// Paths returns the transfer service's way (core/transfer/image/imagestore.go,
// ImageFilter) and the local one (client/pull.go, fetch): either may be a
// node's, and they differ in which index entries they take. The CRI plugin
// then picks the image with the platform's fallbacks in both.
func Paths(platform *ocispec.Platform) (transfer, local Path) {
	var exact, fallback platforms.MatchComparer = anyKnown{platforms.All}, anyKnown{platforms.All}
	if platform != nil {
		exact, fallback = platforms.Ordered(*platform), platforms.Only(*platform)
		if platform.OS == "windows" {
			fallback = exact // its default matcher knows no fallbacks (platforms, defaults_windows.go)
		}
	}
	return Path{matcher: exact, picker: fallback}, Path{matcher: fallback, picker: fallback, local: true}
}

// Before23 returns the way of containerd before 2.3, which overlooks the features
// of the operating system that an entry of an index asks for (platforms before
// v1.0.0-rc.3, platforms.go, Match): the local one, which takes whatever the
// transfer service takes.
func Before23(platform *ocispec.Platform) Path {
	_, local := Paths(platform)
	local.matcher, local.picker = featureless{local.matcher}, featureless{local.picker}
	return local
}

// featureless overlooks features of the operating system.
type featureless struct{ of platforms.MatchComparer }

// Match tells whether a platform without features matches.
func (f featureless) Match(p ocispec.Platform) bool { return f.of.Match(plain(p)) }

// Less tells which platform is to be preferred.
func (f featureless) Less(p, other ocispec.Platform) bool { return f.of.Less(plain(p), plain(other)) }

func plain(p ocispec.Platform) ocispec.Platform {
	p.OSFeatures = nil
	return p
}

// anyKnown matches whatever some node could have, and so no attestations.
type anyKnown struct{ platforms.MatchComparer }

// Match tells whether there can be nodes of a platform.
func (anyKnown) Match(p ocispec.Platform) bool {
	return contents.OfNodes(p)
}

// fetch fetches manifests and indexes as a node would.
func (p Path) fetch(ctx context.Context, s *contents.Store, root ocispec.Descriptor) (*contents.Fetched, error) {
	fetched := contents.NewFetched(s)
	handler := images.FilterPlatforms(fetched.Handle, p.matcher)
	if p.local {
		handler = images.LimitManifests(handler, p.matcher, 1)
	}
	return fetched, images.Walk(ctx, fetched.Unpacking(handler), root)
}

// pick is the CRI plugin's look for the image among what was fetched, and the
// record that it makes of it (internal/cri/server/images/image_pull.go,
// PullImage, and internal/cri/store/image/image.go, getImage).
func (p Path) pick(ctx context.Context, fetched *contents.Fetched, root ocispec.Descriptor, layers bool) error {
	manifest, err := images.Manifest(ctx, fetched, root, p.picker)
	if err != nil {
		return fmt.Errorf("get image config descriptor: %w", err)
	}
	if layers {
		if err := fetched.Config(ctx, manifest); err != nil {
			return fmt.Errorf("failed to update image store %q: get image info from containerd: get image diffIDs: %w", manifest.Config.Digest, err)
		}
	}
	// Its size is that of the first entry, of any platform; one without comes last.
	first := images.LimitManifests(images.ChildrenHandler(fetched), p.picker, 1)
	if err := images.Walk(ctx, first, root); err != nil {
		return fmt.Errorf("failed to update image store %q: get image info from containerd: get image compressed resource size: %w", manifest.Config.Digest, err)
	}
	return nil
}

// Pull says whether nodes that go this way would get what a reference led to.
func (p Path) Pull(ctx context.Context, q pull.Query, s *contents.Store, root ocispec.Descriptor) pull.Finding {
	fetched, err := p.fetch(ctx, s, root)
	if err == nil && q.Layers {
		unpack := contents.Unpacked
		if p.local {
			unpack = unpackLocal(q.Image)
		}
		err = fetched.Complete(ctx, unpack)
	}
	if err != nil {
		finding := answers.OfContent(err, q.Credential)
		finding.Node = Words(q.Image, err)
		return finding
	}
	if err := p.pick(ctx, fetched, root, q.Layers); err != nil {
		finding := answers.OfContent(err, q.Credential)
		finding.Node = rpcWords(err)
		return finding
	}
	return pull.Finding{Reason: pull.ReasonPullable}
}
