package answers

import (
	"errors"

	"github.com/containerd/containerd/v2/core/images"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/contents"
)

// OfContent says what the error of pulling what a reference led to means.
func OfContent(err error, credential pull.Credential) pull.Finding {
	var refused *contents.RefusedError
	var missing *contents.MissingError
	finding := pull.Finding{Reason: pull.RegistryError, Detail: OneLine(err.Error())}
	switch {
	case errors.As(err, &refused), unexpectedType(err):
		finding.Reason = pull.UnsupportedImage
	case errors.As(err, &missing):
		finding.Reason, finding.Detail = pull.BlobMissing, missing.Detail()
		if images.IsManifestType(missing.Desc.MediaType) || images.IsIndexType(missing.Desc.MediaType) {
			finding.Reason = pull.DigestNotFound
		}
	case noPlatform(err):
		finding.Reason = pull.PlatformMismatch
	default:
		if finding = Of(err, credential); finding.Reason.NotFound() {
			finding.Reason = pull.RegistryError // nothing that is known to be so
		}
	}
	return finding
}
