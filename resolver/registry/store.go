package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// maxManifests bounds how many manifests, indexes and configs one check
	// reads; real images need two or three.
	maxManifests = 64
	// maxManifestBytes bounds what one check holds of them.
	maxManifestBytes = 16 << 20
	// maxBlobs bounds how many blobs one check looks for; overlayfs takes 128
	// layers at most.
	maxBlobs = 512
)

// errBudget is what asking for more than one check may gives.
var errBudget = fmt.Errorf("the image has more than %d manifests, %d MiB of them or %d blobs", maxManifests, maxManifestBytes>>20, maxBlobs)

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

// detail names the part that is missing.
func (e *missingError) detail() string {
	kind := "blob"
	switch mediaType := e.desc.MediaType; {
	case images.IsIndexType(mediaType):
		kind = "index"
	case images.IsManifestType(mediaType):
		kind = "manifest"
	case images.IsKnownConfig(mediaType):
		kind = "config"
	case images.IsLayerType(mediaType):
		kind = "layer"
	}
	return fmt.Sprintf("the registry does not have the %s %s, which the image needs", kind, e.desc.Digest)
}

// blobKey identifies what is read: the media type decides where it is asked
// for, and the size whether it is taken.
type blobKey struct {
	digest    digest.Digest
	mediaType string
	size      int64
}

func keyOf(desc ocispec.Descriptor) blobKey { return blobKey{desc.Digest, desc.MediaType, desc.Size} }

// store reads content from a registry, verified and at most once.
type store struct {
	fetcher  remotes.Fetcher
	blobs    map[blobKey][]byte
	errs     map[blobKey]error
	present  map[blobKey]bool // known to be there, unread
	recalled map[blobKey]bool // read from disk: nobody knows whether it is still there
	left     int64
	kept     *repositoryContent
}

func newStore(fetcher remotes.Fetcher, kept *repositoryContent) *store {
	return &store{
		fetcher: fetcher, blobs: map[blobKey][]byte{}, errs: map[blobKey]error{},
		present: map[blobKey]bool{}, recalled: map[blobKey]bool{}, left: maxManifestBytes, kept: kept,
	}
}

// ReaderAt makes a store a content.Provider.
func (s *store) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	key := keyOf(desc)
	if blob, ok := s.blobs[key]; ok {
		return memory{bytes.NewReader(blob)}, nil
	}
	if err, ok := s.errs[key]; ok {
		return nil, err
	}
	blob, err := s.fetch(ctx, desc)
	if err != nil {
		s.errs[key] = err
		return nil, err
	}
	s.blobs[key] = blob
	return memory{bytes.NewReader(blob)}, nil
}

// fetch reads one manifest, index or config as containerd does (core/remotes/
// handlers.go, Fetch, and the content store's checks on commit).
func (s *store) fetch(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if err := acceptable(desc); err != nil {
		return nil, err
	}
	if int64(len(desc.Data)) == desc.Size {
		return desc.Data, verify(ctx, desc, desc.Data)
	}
	if len(s.blobs)+len(s.errs) >= maxManifests || desc.Size > s.left {
		return nil, errBudget
	}
	if blob, ok := s.kept.get(ctx, desc); ok {
		s.left -= int64(len(blob))
		s.recalled[keyOf(desc)] = true
		return blob, nil
	}
	body, err := s.open(ctx, desc)
	if err != nil {
		return nil, err
	}
	blob, err := io.ReadAll(io.LimitReader(body, desc.Size+1))
	s.left -= int64(len(blob))
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, fetchError(desc, err)
	}
	err = verify(ctx, desc, blob)
	if err == nil {
		s.kept.put(desc, blob)
	}
	return blob, err
}

// acceptable refuses descriptors as containerd does before it asks for them.
// An invalid digest can never be that of what comes, and would make the
// digest's package panic.
func acceptable(desc ocispec.Descriptor) error {
	switch err := desc.Digest.Validate(); {
	case err != nil:
		return &refusedError{fmt.Errorf("descriptor with digest %q: %w", desc.Digest, err)}
	case desc.Size == 0:
		return &refusedError{fmt.Errorf("unable to fetch descriptor (%s) which reports content size of zero: %w", desc.Digest, errdefs.ErrInvalidArgument)}
	case desc.Size < 0:
		return &refusedError{fmt.Errorf("unable to fetch descriptor (%s) which reports negative content size (%d): %w", desc.Digest, desc.Size, errdefs.ErrInvalidArgument)}
	default:
		return nil
	}
}

// open asks the registry for content. It never asks the URLs of a descriptor,
// which the library would dial with a client of its own.
func (s *store) open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	desc.URLs = nil
	body, err := s.fetcher.Fetch(ctx, desc)
	if err != nil {
		return nil, fmt.Errorf("failed to copy: %w", err)
	}
	return body, nil
}

// fetchError tells content that is not there, and content that is larger than
// was said, from content that did not come.
func fetchError(desc ocispec.Descriptor, err error) error {
	err = fmt.Errorf("failed to copy: %w", err)
	switch {
	case errdefs.IsNotFound(err) && len(desc.URLs) > 0:
		return fmt.Errorf("%s may be had elsewhere: %w", desc.Digest, errElsewhere)
	case errdefs.IsNotFound(err):
		return &missingError{desc: desc, err: err}
	case errdefs.IsFailedPrecondition(err): // httpReadSeeker: read past expected size
		return &refusedError{err}
	default:
		return err
	}
}

// errElsewhere is what content that the registry has not, but may be had by
// the URLs of its descriptor, gives.
var errElsewhere = errors.New("its descriptor names URLs, which are not dialled on behalf of a Pod")

// verify compares content with its descriptor.
func verify(ctx context.Context, desc ocispec.Descriptor, blob []byte) error {
	if int64(len(blob)) < desc.Size {
		return &refusedError{fmt.Errorf("short read: expected %d bytes but got %d: unexpected EOF", desc.Size, len(blob))}
	}
	if actual := desc.Digest.Algorithm().FromBytes(blob); actual != desc.Digest {
		return &refusedError{fmt.Errorf("failed commit on ref %q: unexpected commit digest %s, expected %s: %w",
			remotes.MakeRefKey(ctx, desc), actual, desc.Digest, errdefs.ErrFailedPrecondition)}
	}
	return nil
}

// exists makes sure that a blob is there: it is asked for and let go after its
// first byte. HEAD is no proof, since proxies answer 404 to it for what they
// would fetch on GET. What may be had elsewhere is not looked for.
func (s *store) exists(ctx context.Context, blob ocispec.Descriptor) error {
	key := keyOf(blob)
	if err := acceptable(blob); err != nil {
		return err
	}
	if s.present[key] || s.blobs[key] != nil && !s.recalled[key] || len(blob.URLs) > 0 || int64(len(blob.Data)) == blob.Size {
		return nil
	}
	if err, ok := s.errs[key]; ok {
		return err
	}
	if len(s.present) >= maxBlobs {
		return errBudget
	}
	err := s.look(ctx, blob)
	if err != nil {
		s.errs[key] = err
		return err
	}
	s.present[key] = true
	return nil
}

// look asks for a blob and reads its first byte.
func (s *store) look(ctx context.Context, blob ocispec.Descriptor) error {
	body, err := s.open(ctx, blob)
	if err != nil {
		return err
	}
	n, err := io.ReadFull(body, make([]byte, 1))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, body.Close()); err != nil {
		return fetchError(blob, err)
	}
	if n == 0 {
		return &missingError{desc: blob, err: fmt.Errorf("short read: expected %d bytes but got 0: unexpected EOF", blob.Size)}
	}
	return nil
}

// memory is a blob at hand.
type memory struct{ *bytes.Reader }

// Close does nothing.
func (memory) Close() error { return nil }
