package contents

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
	// MaxManifests bounds how many manifests, indexes and configs one check
	// reads; real images need two or three.
	MaxManifests = 64
	// MaxManifestBytes bounds what one check holds of them.
	MaxManifestBytes = 16 << 20
	// MaxBlobs bounds how many blobs one check looks for; overlayfs takes 128
	// layers at most.
	MaxBlobs = 512
)

// Key identifies what is read: the media type decides where it is asked
// for, and the size whether it is taken.
type Key struct {
	digest    digest.Digest
	mediaType string
	size      int64
}

// KeyOf identifies a descriptor's content.
func KeyOf(desc ocispec.Descriptor) Key { return Key{desc.Digest, desc.MediaType, desc.Size} }

// Store reads content from a registry, verified and at most once.
type Store struct {
	// SizeOf is how large the registry said that a blob is which was asked for,
	// in bytes, and whether it did; nil: it is not known.
	SizeOf func(ctx context.Context, digest string) (size int64, told bool)

	fetcher  remotes.Fetcher
	blobs    map[Key][]byte
	errs     map[Key]error
	present  map[Key]bool // known to be there, unread
	recalled map[Key]bool // read from disk: nobody knows whether it is still there
	left     int64
	kept     *Repository
}

// NewStore returns a store of what fetcher gives and kept has.
func NewStore(fetcher remotes.Fetcher, kept *Repository) *Store {
	return &Store{
		fetcher: fetcher, blobs: map[Key][]byte{}, errs: map[Key]error{},
		present: map[Key]bool{}, recalled: map[Key]bool{}, left: MaxManifestBytes, kept: kept,
	}
}

// Hold takes content that was read already.
func (s *Store) Hold(desc ocispec.Descriptor, blob []byte) { s.blobs[KeyOf(desc)] = blob }

// ReaderAt makes a Store a content.Provider.
func (s *Store) ReaderAt(ctx context.Context, desc ocispec.Descriptor) (content.ReaderAt, error) {
	key := KeyOf(desc)
	if blob, ok := s.blobs[key]; ok {
		return memoryBlob{bytes.NewReader(blob)}, nil
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
	return memoryBlob{bytes.NewReader(blob)}, nil
}

// Failed lists what the registry did not give, be it that it has it not or that
// it refused.
func (s *Store) Failed() []ocispec.Descriptor {
	var list []ocispec.Descriptor
	for key, err := range s.errs {
		var refused *RefusedError
		if !errors.As(err, &refused) && !errors.Is(err, ErrBudget) {
			list = append(list, ocispec.Descriptor{MediaType: key.mediaType, Digest: key.digest, Size: key.size})
		}
	}
	return list
}

// fetch reads one manifest, index or config as containerd does (core/remotes/
// handlers.go, Fetch, and the content store's checks on commit).
func (s *Store) fetch(ctx context.Context, desc ocispec.Descriptor) ([]byte, error) {
	if err := Acceptable(desc); err != nil {
		return nil, err
	}
	if int64(len(desc.Data)) == desc.Size {
		return desc.Data, Verify(ctx, desc, desc.Data)
	}
	if len(s.blobs)+len(s.errs) >= MaxManifests || desc.Size > s.left {
		return nil, ErrBudget
	}
	if blob, ok := s.kept.get(ctx, desc); ok {
		s.left -= int64(len(blob))
		s.recalled[KeyOf(desc)] = true
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
	err = Verify(ctx, desc, blob)
	if err == nil {
		s.kept.put(desc, blob)
	}
	return blob, err
}

// Acceptable refuses descriptors as containerd does before it asks for them.
// An invalid digest can never be that of what comes, and would make the
// digest's package panic.
func Acceptable(desc ocispec.Descriptor) error {
	switch err := desc.Digest.Validate(); {
	case desc.MediaType == images.MediaTypeDockerSchema1Manifest: // core/remotes/handlers.go, FetchHandler
		return &RefusedError{fmt.Errorf("%v not supported", desc.MediaType)}
	case err != nil:
		return &RefusedError{fmt.Errorf("descriptor with digest %q: %w", desc.Digest, err)}
	case desc.Size == 0:
		return &RefusedError{fmt.Errorf("unable to fetch descriptor (%s) which reports content size of zero: %w", desc.Digest, errdefs.ErrInvalidArgument)}
	case desc.Size < 0:
		return &RefusedError{fmt.Errorf("unable to fetch descriptor (%s) which reports negative content size (%d): %w", desc.Digest, desc.Size, errdefs.ErrInvalidArgument)}
	default:
		return nil
	}
}

// open asks the registry for content. It never asks the URLs of a descriptor,
// which the library would dial with a client of its own.
func (s *Store) open(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
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
		return &MissingError{Desc: desc, Err: err}
	case errdefs.IsFailedPrecondition(err): // httpReadSeeker: read past expected size
		return &RefusedError{err}
	default:
		return err
	}
}

// errElsewhere is what content that the registry has not, but may be had by
// the URLs of its descriptor, gives.
var errElsewhere = errors.New("its descriptor names URLs, which are not dialled on behalf of a Pod")

// Verify compares content with its descriptor.
func Verify(ctx context.Context, desc ocispec.Descriptor, blob []byte) error {
	if int64(len(blob)) < desc.Size {
		return &RefusedError{fmt.Errorf("short read: expected %d bytes but got %d: unexpected EOF", desc.Size, len(blob))}
	}
	if actual := desc.Digest.Algorithm().FromBytes(blob); actual != desc.Digest {
		return &RefusedError{fmt.Errorf("failed commit on ref %q: unexpected commit digest %s, expected %s: %w",
			remotes.MakeRefKey(ctx, desc), actual, desc.Digest, errdefs.ErrFailedPrecondition)}
	}
	return nil
}

// Exists makes sure that a blob is there: it is asked for and let go after its
// first byte. HEAD is no proof, since proxies answer 404 to it for what they
// would fetch on GET. What may be had elsewhere is not looked for.
func (s *Store) Exists(ctx context.Context, blob ocispec.Descriptor) error {
	key := KeyOf(blob)
	if err := Acceptable(blob); err != nil {
		return err
	}
	if int64(len(blob.Data)) == blob.Size {
		return Verify(ctx, blob, blob.Data)
	}
	if s.present[key] || s.blobs[key] != nil && !s.recalled[key] || len(blob.URLs) > 0 {
		return nil
	}
	if err, ok := s.errs[key]; ok {
		return err
	}
	if len(s.present) >= MaxBlobs {
		return ErrBudget
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
func (s *Store) look(ctx context.Context, blob ocispec.Descriptor) error {
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
		return &MissingError{Desc: blob, Err: fmt.Errorf("short read: expected %d bytes but got 0: unexpected EOF", blob.Size)}
	}
	return s.sized(ctx, blob)
}

// sized compares what the registry says of a blob's size with the manifest, as a
// node finds out when it has read the blob (core/content/helpers.go, Copy, and
// core/remotes/docker/httpreadseeker.go, Read).
func (s *Store) sized(ctx context.Context, blob ocispec.Descriptor) error {
	if s.SizeOf == nil {
		return nil
	}
	switch size, told := s.SizeOf(ctx, blob.Digest.String()); {
	case told && size < blob.Size:
		return &RefusedError{fmt.Errorf("failed to copy: short read: expected %d bytes but got %d: unexpected EOF", blob.Size, size)}
	case told && size > blob.Size:
		return &RefusedError{fmt.Errorf("failed to copy: httpReadSeeker: read past expected size %d: %w", blob.Size, errdefs.ErrFailedPrecondition)}
	default:
		return nil
	}
}

// memoryBlob is a blob at hand.
type memoryBlob struct{ *bytes.Reader }

// Close does nothing.
func (memoryBlob) Close() error { return nil }
