package contents

import (
	"fmt"

	"github.com/containerd/containerd/v2/core/images"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrBudget is what asking for more than one check may gives.
var ErrBudget = fmt.Errorf("the image has more than %d manifests, %d MiB of them or %d blobs", MaxManifests, MaxManifestBytes>>20, MaxBlobs)

// RefusedError marks what containerd itself refuses about content that it was
// given: no registry trouble, and the same on every node.
type RefusedError struct{ Err error }

// Error says what was refused.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what was refused.
func (e *RefusedError) Unwrap() error { return e.Err }

// MissingError is content that the image needs and the registry has not.
type MissingError struct {
	Desc ocispec.Descriptor
	Err  error
}

// Error is as containerd says it.
func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap returns what asking for it gave.
func (e *MissingError) Unwrap() error { return e.Err }

// Detail names the part that is missing.
func (e *MissingError) Detail() string {
	kind := "blob"
	switch mediaType := e.Desc.MediaType; {
	case images.IsIndexType(mediaType):
		kind = "index"
	case images.IsManifestType(mediaType):
		kind = "manifest"
	case images.IsKnownConfig(mediaType):
		kind = "config"
	case images.IsLayerType(mediaType):
		kind = "layer"
	}
	return fmt.Sprintf("the registry does not have the %s %s, which the image needs", kind, e.Desc.Digest)
}
