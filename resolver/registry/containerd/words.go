package containerd

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/registry/answers"
)

// Words returns what the kubelet would show of an error of a pull
// (internal/cri/server/images/image_pull.go, pullImageWithTransferService).
func Words(image reference.Named, err error) string {
	return rpcWords(fmt.Errorf("failed to pull and unpack image %q: %w", image, err))
}

// rpcWords puts an error into the form in which it reaches the kubelet: with
// the gRPC code that containerd gives it (errdefs/pkg/errgrpc, ToGRPC), which
// the kubelet leaves out where it is Unknown (cri-client, pullImageV1).
func rpcWords(err error) string {
	text := answers.Sanitised(err)
	if code := rpcCode(err); code != "" {
		text = fmt.Sprintf("rpc error: code = %s desc = %s", code, text)
	}
	return answers.Line(text, answers.MaxNode)
}

// rpcCode is the gRPC code of what can end a pull; empty for Unknown.
func rpcCode(err error) string {
	switch kind := errdefs.Resolve(err); {
	case errors.Is(kind, errdefs.ErrInvalidArgument):
		return "InvalidArgument"
	case errors.Is(kind, errdefs.ErrNotFound):
		return "NotFound"
	case errors.Is(kind, errdefs.ErrResourceExhausted):
		return "ResourceExhausted"
	case errors.Is(kind, errdefs.ErrFailedPrecondition):
		return "FailedPrecondition"
	case errors.Is(kind, errdefs.ErrNotImplemented):
		return "Unimplemented"
	case errors.Is(kind, errdefs.ErrUnavailable):
		return "Unavailable"
	case errors.Is(kind, context.DeadlineExceeded):
		return "DeadlineExceeded"
	case errors.Is(kind, context.Canceled):
		return "Canceled"
	default:
		return ""
	}
}

// UnresolvedWords is what the kubelet would show where a reference led nowhere.
func UnresolvedWords(image reference.Named, local bool, err error) string {
	if local { // client/pull.go, fetch
		return Words(image, fmt.Errorf("failed to resolve reference %q: %w", image, err))
	}
	return Words(image, fmt.Errorf("failed to resolve image: %w", err)) // core/transfer/local/pull.go
}

// ForeignWords is what comes of content of a media type that is none of an
// image's: it is fetched as a blob (core/images/image.go, Manifest).
func ForeignWords(image reference.Named, local bool, root ocispec.Descriptor) string {
	err := fmt.Errorf("unexpected media type %v for %v: %w", root.MediaType, root.Digest, errdefs.ErrNotFound)
	if local {
		return Words(image, fmt.Errorf("failed to unpack image on snapshotter overlayfs: %w", err))
	}
	return rpcWords(fmt.Errorf("get image config descriptor: %w", err))
}
