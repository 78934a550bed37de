package crio

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Repository is where CRI-O looks for an image with one credential. It is safe
// for concurrent use, and remembers what registries demanded and token servers
// gave.
type Repository struct{ sessions []*session }

// NewRepository returns the sources of one image, the registry itself last.
func NewRepository(sources []Source) *Repository {
	made := &Repository{}
	for _, source := range sources {
		made.sessions = append(made.sessions, &session{Source: source})
	}
	return made
}

// Itself is the registry, which is asked last.
func (r *Repository) Itself() Source { return r.sessions[len(r.sessions)-1].Source }

// Asked tells whether anybody asked for a credential that CRI-O would show.
func (r *Repository) Asked() bool {
	for _, one := range r.sessions {
		if one.asked() {
			return true
		}
	}
	return false
}

// Bytes is about what is remembered.
func (r *Repository) Bytes() (size int64) {
	for _, one := range r.sessions {
		size += one.bytes()
	}
	return size
}

// Image is what a reference led to.
type Image struct {
	// Root is the manifest or index. Its media type is what the registry says it
	// is, or what stands for that.
	Root ocispec.Descriptor
	// Logical is the image as nodes call it.
	Logical reference.Named

	session *session
	blob    []byte
	entries manifest.List           // of an index, once they were read
	checked map[digest.Digest]error // what came of an entry
	looked  map[digest.Digest]bool  // layers that are there
}

// Resolve reads what the reference leads to at the first source that has it
// (docker/docker_image_src.go, newImageSource).
func (r *Repository) Resolve(ctx context.Context, image reference.Named) (*Image, error) {
	var failed sourcesError
	for _, one := range r.sessions {
		found := &Image{session: one, Logical: image}
		blob, mediaType, err := one.manifest(ctx, pull.Object(one.Image))
		if err == nil {
			found.blob = blob
			found.Root = ocispec.Descriptor{MediaType: mediaType, Size: int64(len(blob)), Digest: digest.FromBytes(blob)}
			if digested, ok := image.(reference.Digested); ok {
				found.Root.Digest = digested.Digest()
			}
			return found, nil
		}
		failed = append(failed, sourceError{one.Image, err})
	}
	return nil, fmt.Errorf("unable to try pulling possible OCI artifact: build image source: %w", failed)
}

// manifest reads a manifest (docker/docker_client.go, fetchManifest), and what
// its media type stands for (internal/manifest/manifest.go, NormalizedMIMEType).
func (s *session) manifest(ctx context.Context, what string) ([]byte, string, error) {
	resp, err := s.get(ctx, "manifests/"+what, &refusal{during: readingManifest, host: reference.Domain(s.Image), what: what, name: s.Image.Name()})
	if err != nil {
		return nil, "", err
	}
	mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	blob, err := atMost(resp, maxManifest)
	return blob, mediaType, err
}

// blobOf asks for a config or a layer, which the caller closes.
func (s *session) blobOf(ctx context.Context, kind string, what digest.Digest) (*http.Response, error) {
	if err := what.Validate(); err != nil {
		return nil, &refusedError{words: err.Error()}
	}
	return s.get(ctx, "blobs/"+what.String(), &refusal{during: readingBlob, host: reference.Domain(s.Image), what: what.String(), name: s.Image.Name(), kind: kind})
}

// sourceError is why one source did not give an image.
type sourceError struct {
	image reference.Named
	err   error
}

// sourcesError is why none did; there is at least one.
type sourcesError []sourceError

// Error names all of them, as CRI-O does.
func (e sourcesError) Error() string {
	last := e[len(e)-1]
	if len(e) == 1 {
		return last.err.Error()
	}
	var others []string
	for _, one := range e[:len(e)-1] {
		others = append(others, fmt.Sprintf("[%s: %v]", one.image, one.err))
	}
	return fmt.Sprintf("(Mirrors also failed: %s): %s: %v", strings.Join(others, "\n"), last.image, last.err)
}

// Unwrap returns what the registry itself said.
func (e sourcesError) Unwrap() error { return e[len(e)-1].err }

// mirrors are why the others than the registry itself did not give it.
func mirrors(err error) []error {
	var all sourcesError
	if !errors.As(err, &all) {
		return nil
	}
	var failed []error
	for _, one := range all[:len(all)-1] {
		failed = append(failed, one.err)
	}
	return failed
}

// isList tells whether a media type is that of an index or of Docker's list.
func isList(mediaType string) bool { return manifest.MIMETypeIsMultiImage(mediaType) }
