package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// path is one of containerd's two ways to pull.
type path struct {
	matcher platforms.MatchComparer // for what is fetched
	picker  platforms.MatchComparer // for the image among what was fetched
	local   bool                    // takes one manifest from an index, not all that match
}

// paths returns the transfer service's way (core/transfer/image/imagestore.go,
// ImageFilter) and the local one (client/pull.go, fetch): either may be a
// node's, and they differ in which index entries they take. The CRI plugin
// then picks the image with the platform's fallbacks in both.
func paths(platform *ocispec.Platform) (transfer, local path) {
	var exact, fallback platforms.MatchComparer = anyKnown{platforms.All}, anyKnown{platforms.All}
	if platform != nil {
		exact, fallback = platforms.Ordered(*platform), platforms.Only(*platform)
		if platform.OS == "windows" {
			fallback = exact // its default matcher knows no fallbacks (platforms, defaults_windows.go)
		}
	}
	return path{matcher: exact, picker: fallback}, path{matcher: fallback, picker: fallback, local: true}
}

// nodeKind is what nodes have in common that pull an image by the same rules.
type nodeKind struct {
	name     string // as notes speak of these nodes
	platform *ocispec.Platform
	// ways are containerd's, one of which is the nodes'; none: CRI-O's.
	ways []path
}

// nodeKinds returns the kinds of nodes of one platform; nil: any platform. For
// a runtime that nobody here knows, containerd's rules stand at first: what they
// refuse is asked for by CRI-O's, too.
func (k *check) nodeKinds(platform *ocispec.Platform) []nodeKind {
	transfer, local := paths(platform)
	name := "any platform"
	if platform != nil {
		name = platforms.FormatAll(*platform)
	}
	runtimes := k.Runtimes.Known()
	current := " that run containerd"
	if !runtimes.Has(pull.Containerd) {
		current = " that run another runtime"
	}
	var kinds []nodeKind
	for _, kind := range []struct {
		of   pull.Runtimes
		name string
		ways []path
	}{
		{pull.Containerd | pull.OtherRuntime, current, []path{transfer, local}},
		{pull.ContainerdLocal, " that run containerd before 2.1", []path{local}},
		{pull.CRIO, " that run CRI-O", nil},
	} {
		if runtimes.Has(kind.of) {
			kinds = append(kinds, nodeKind{name: name + kind.name, platform: platform, ways: kind.ways})
		}
	}
	if len(kinds) == 1 {
		kinds[0].name = name
	}
	return kinds
}

// anyKnown matches whatever some node could have, and so no attestations.
type anyKnown struct{ platforms.MatchComparer }

// Match tells whether there can be nodes of a platform.
func (anyKnown) Match(p ocispec.Platform) bool {
	return p.OS != "unknown" && p.Architecture != "unknown"
}

// pulled is what a node fetched along a path.
type pulled struct {
	*store
	seen map[digest.Digest]bool
	// children are what was read names, once for however often it is named
	// itself; of configs and layers, which are not read, there are none.
	children  map[blobKey][]ocispec.Descriptor
	manifests []ocispec.Descriptor
}

func newPulled(s *store) *pulled {
	return &pulled{store: s, seen: map[digest.Digest]bool{}, children: map[blobKey][]ocispec.Descriptor{}}
}

// fetch fetches manifests and indexes as a node would.
func (p path) fetch(ctx context.Context, s *store, root ocispec.Descriptor) (*pulled, error) {
	fetched := newPulled(s)
	handler := images.FilterPlatforms(fetched.handle, p.matcher)
	if p.local {
		handler = images.LimitManifests(handler, p.matcher, 1)
	}
	return fetched, images.Walk(ctx, handler, root)
}

// handle fetches a manifest or index and returns what it names. Configs and
// layers are only taken note of. It ends with the context even where all is at
// hand: of each path, and for each platform, megabytes may be decoded.
func (f *pulled) handle(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.seen[desc.Digest] = true
	isManifest := images.IsManifestType(desc.MediaType)
	if children, ok := f.children[keyOf(desc)]; ok {
		return children, nil
	}
	if !isManifest && !images.IsIndexType(desc.MediaType) {
		return nil, f.foreign(ctx, desc)
	}
	if _, err := f.store.ReaderAt(ctx, desc); err != nil {
		return nil, err
	}
	children, err := images.Children(ctx, f.store, desc)
	if err != nil {
		return nil, &refusedError{err}
	}
	f.children[keyOf(desc)] = children
	if isManifest {
		f.manifests = append(f.manifests, desc)
		for _, child := range children {
			f.children[keyOf(child)] = nil
		}
	}
	return children, nil
}

// foreign looks for an entry of an index that is of another type than images
// have. Nodes look for it among the blobs.
func (f *pulled) foreign(ctx context.Context, desc ocispec.Descriptor) error {
	var missing *missingError
	err := f.exists(ctx, desc)
	if errors.As(err, &missing) {
		return &refusedError{err}
	}
	return err
}

// ReaderAt makes it the node's content store: what was not fetched is not
// there.
func (f *pulled) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	if !f.seen[desc.Digest] {
		return nil, fmt.Errorf("content digest %v: %w", desc.Digest, errdefs.ErrNotFound)
	}
	return f.store.ReaderAt(ctx, desc)
}

// pick is the CRI plugin's look for the image among what was fetched
// (internal/cri/server/images/image_pull.go, PullImage).
func (p path) pick(ctx context.Context, fetched *pulled, root ocispec.Descriptor) error {
	if _, err := images.Manifest(ctx, fetched, root, p.picker); err != nil {
		return fmt.Errorf("get image config descriptor: %w", err)
	}
	return nil
}
