package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxManifests bounds how many manifests and indexes one check reads;
	// real images need two or three.
	maxManifests = 64
	// maxManifestBytes bounds what one check holds of them.
	maxManifestBytes = 32 << 20
)

// errBudget is what reading more than one check may read gives.
var errBudget = fmt.Errorf("the index leads to more than %d manifests or %d MiB of them", maxManifests, maxManifestBytes>>20)

// refusedError marks what containerd itself refuses about content that it was
// given: no registry trouble, and the same on every node.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// missingError is content that the image needs and the registry has not.
type missingError struct {
	desc ocispec.Descriptor
	err  error
}

func (e *missingError) Error() string { return e.err.Error() }
func (e *missingError) Unwrap() error { return e.err }

// store reads content from a registry, verified and at most once.
type store struct {
	fetcher remotes.Fetcher
	blobs   map[digest.Digest][]byte
	errs    map[digest.Digest]error
	present map[digest.Digest]bool // blobs known to be there, unread
	left    int64
}

func newStore(fetcher remotes.Fetcher) *store {
	return &store{
		fetcher: fetcher, blobs: map[digest.Digest][]byte{}, errs: map[digest.Digest]error{},
		present: map[digest.Digest]bool{}, left: maxManifestBytes,
	}
}

// ReaderAt makes a store a content.Provider.
func (s *store) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	if blob, ok := s.blobs[desc.Digest]; ok {
		return memory{bytes.NewReader(blob)}, nil
	}
	if err, ok := s.errs[desc.Digest]; ok {
		return nil, err
	}
	blob, err := s.fetch(ctx, desc)
	if err != nil {
		s.errs[desc.Digest] = err
		return nil, err
	}
	s.blobs[desc.Digest] = blob
	return memory{bytes.NewReader(blob)}, nil
}

// fetch reads one manifest, index or config as containerd does (core/remotes/
// handlers.go, Fetch, and the content store's checks on commit).
func (s *store) fetch(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if desc.Size == 0 {
		return nil, &refusedError{fmt.Errorf("unable to fetch descriptor (%v) which reports content size of zero: %w", desc.Digest, errdefs.ErrInvalidArgument)}
	}
	if len(s.blobs)+len(s.errs) >= maxManifests || desc.Size > s.left {
		return nil, errBudget
	}
	desc.URLs = nil // the library would dial them with a client of its own
	body, err := s.fetcher.Fetch(ctx, desc)
	if err != nil {
		return nil, fmt.Errorf("failed to copy: %w", err)
	}
	blob, err := io.ReadAll(io.LimitReader(body, desc.Size+1))
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, fetchError(desc, err)
	}
	s.left -= int64(len(blob))
	return blob, verify(desc, blob)
}

// fetchError tells content that is not there from content that did not come.
func fetchError(desc ocispec.Descriptor, err error) error {
	err = fmt.Errorf("failed to copy: %w", err)
	if errdefs.IsNotFound(err) {
		return &missingError{desc: desc, err: err}
	}
	return err
}

// verify compares content with its descriptor.
func verify(desc ocispec.Descriptor, blob []byte) error {
	if actual := desc.Digest.Algorithm().FromBytes(blob); actual != desc.Digest {
		return &refusedError{fmt.Errorf("failed commit on ref %q: unexpected commit digest %s, expected %s: %w",
			remotes.MakeRefKey(context.Background(), desc), actual, desc.Digest, errdefs.ErrFailedPrecondition)}
	}
	if int64(len(blob)) != desc.Size {
		return &refusedError{fmt.Errorf("short read: expected %d bytes but got %d: unexpected EOF", desc.Size, len(blob))}
	}
	return nil
}

// memory is a blob at hand.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// path is one of containerd's two ways to pull.
type path struct {
	name    string
	matcher platforms.MatchComparer // for what is fetched
	limit   int                     // manifests taken from an index; 0: all that match
	prefix  string                  // of its error texts
}

// paths returns the transfer service's way (core/transfer/image/imagestore.go,
// ImageFilter) and the local one (client/pull.go, fetch): either may be a
// node's, and they differ in which index entries they take.
func paths(platform *ocispec.Platform) [2]path {
	exact, fallback := platforms.All, platforms.All
	if platform != nil {
		exact, fallback = platforms.Ordered(*platform), platforms.Only(*platform)
	}
	return [2]path{
		{name: "transfer", matcher: exact},
		{name: "local", matcher: fallback, limit: 1, prefix: "failed to pull and unpack image: "},
	}
}

// pull fetches along a path what a node would, and picks the image as the
// CRI plugin does afterwards, with the platform's fallbacks, among what was
// fetched.
func (p path) pull(ctx context.Context, s *store, root ocispec.Descriptor, platform *ocispec.Platform) (ocispec.Manifest, error) {
	fetched := fetchedOnly{store: s, seen: map[digest.Digest]bool{}}
	walk := images.HandlerFunc(func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if desc.Digest != root.Digest && !images.IsManifestType(desc.MediaType) && !images.IsIndexType(desc.MediaType) {
			fetched.seen[desc.Digest] = true
			return nil, nil
		}
		return fetched.children(ctx, desc)
	})
	handler := images.FilterPlatforms(walk, p.matcher)
	if p.limit > 0 {
		handler = images.LimitManifests(handler, p.matcher, p.limit)
	}
	if err := images.Walk(ctx, handler, root); err != nil {
		return ocispec.Manifest{}, err
	}
	manifest, err := images.Manifest(ctx, fetched, root, paths(platform)[1].matcher)
	if err != nil {
		return ocispec.Manifest{}, fmt.Errorf("get image config descriptor: %w", err)
	}
	return manifest, nil
}

// fetchedOnly is the node's content store: what was not fetched is not there.
type fetchedOnly struct {
	*store
	seen map[digest.Digest]bool
}

// children fetches a manifest or index and returns what it names.
func (f fetchedOnly) children(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	f.seen[desc.Digest] = true
	if _, err := f.store.ReaderAt(ctx, desc); err != nil {
		return nil, err
	}
	children, err := images.Children(ctx, f.store, desc)
	if err != nil {
		return nil, &refusedError{err}
	}
	return children, nil
}

// ReaderAt reads what was fetched.
func (f fetchedOnly) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	if !f.seen[desc.Digest] {
		return nil, fmt.Errorf("content digest %v: %w", desc.Digest, errdefs.ErrNotFound)
	}
	return f.store.ReaderAt(ctx, desc)
}

// judgePull says what the error of one path means.
func judgePull(err error, credential pull.Credential) pull.Finding {
	var refused *refusedError
	var missing *missingError
	text := oneLine(err.Error())
	switch {
	case errors.As(err, &missing):
		return pull.Finding{Reason: pull.DigestNotFound, Detail: text}
	case errors.As(err, &refused):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: text}
	case errors.Is(err, errBudget):
		return pull.Finding{Reason: pull.RegistryError, Detail: text}
	case errdefs.IsNotFound(err) && strings.Contains(text, "no match for platform"),
		errdefs.IsNotFound(err) && strings.Contains(text, "content digest"):
		return pull.Finding{Reason: pull.PlatformMismatch, Detail: text}
	case errdefs.IsNotFound(err) && strings.Contains(text, "unexpected media type"):
		return pull.Finding{Reason: pull.UnsupportedImage, Detail: text}
	default:
		return classify(err, credential)
	}
}
