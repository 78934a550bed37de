package answers

import (
	"errors"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// Libraries say some things in words alone. All of these that anything depends
// on are here, with the files that they come from: of containerd 2.4.2 and of
// Go 1.26.

// noHosts knows the errors of a hosts.toml that leaves nobody to ask
// (core/remotes/docker/resolver.go and fetcher.go): they are "not found", too.
func noHosts(err error) bool {
	return strings.Contains(err.Error(), "no resolve hosts") || strings.Contains(err.Error(), "no pull hosts")
}

// contentRefused knows what the resolver itself refuses about a manifest
// (core/remotes/docker/resolver.go, Resolve): an invalid digest header, schema
// 1, one that is too large.
func contentRefused(err error) bool {
	for _, invalid := range []error{digest.ErrDigestInvalidFormat, digest.ErrDigestInvalidLength, digest.ErrDigestUnsupported} {
		if errors.Is(err, invalid) {
			return true
		}
	}
	return errdefs.IsNotImplemented(err) && strings.Contains(err.Error(), "no longer supported") ||
		errdefs.IsNotFound(err) && strings.Contains(err.Error(), "byte manifest")
}

// answered tells a connection over which something came that was no proper
// answer from one that failed. For some of it the standard library has words
// alone.
func answered(err error) bool {
	for _, refused := range []error{wire.ErrBodyTooLarge, wire.ErrEncoding, wire.ErrChallengeTooLarge, wire.ErrTokenTooLarge} {
		if errors.Is(err, refused) {
			return true
		}
	}
	var nowhere *wire.NoURLError
	if errors.As(err, &nowhere) {
		return true
	}
	for _, words := range []string{"stopped after 10 redirects", "server response headers exceeded", "malformed HTTP", "malformed MIME", "failed to parse Location"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

// unexpectedType knows content that is none of an image (core/images/image.go,
// Manifest).
func unexpectedType(err error) bool {
	return errdefs.IsNotFound(err) && strings.Contains(err.Error(), "unexpected media type")
}

// noPlatform knows an index without an image for the node (core/images/image.go,
// Manifest), and one whose image was not fetched for it.
func noPlatform(err error) bool {
	return errdefs.IsNotFound(err) && (strings.Contains(err.Error(), "no match for platform") || strings.Contains(err.Error(), "content digest"))
}
