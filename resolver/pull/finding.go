package pull

import (
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Finding is what one registry answered about one image to one credential.
// The zero value is unknown.
type Finding struct {
	// Reason is the answer; the zero value, like any reason outside the
	// closed set, counts as unknown.
	Reason Reason
	// Detail is what the registry said, in one line and without secrets.
	Detail string
	// Doubt is why nothing follows from the registry's answer, where there is
	// one: what the nodes' container runtime does with it is not known. It is
	// set for no other reason than RegistryError.
	Doubt string
	// Node is what the kubelet would report, in its own words, where they
	// are known: people search for these texts.
	Node string
	// LoginFailed says of CredentialsRejected that the credential as such was
	// refused, whatever it was for; else it may be that what was asked for is
	// not there.
	LoginFailed bool
	// Unasked says of what is broken that nobody was asked for a credential:
	// whatever nodes hold, they never show it.
	Unasked bool
	// Forbidden says of an UnsupportedImage that the nodes' own settings forbid it.
	Forbidden bool
	// HeadLies says of what is not found that the registry, or what is before
	// it, gives it to GET, while nodes ask by HEAD.
	HeadLies bool
	// RetryAfter is how long the registry wants to be left alone, of RateLimited;
	// 0: it did not say.
	RetryAfter time.Duration
	// Digest is that of the manifest or index to which the reference led.
	Digest digest.Digest
	// Offered are the platforms that the index is for, where that is what is
	// wrong (PlatformMismatch).
	Offered []ocispec.Platform
	// Notes are about the image, not about the credential.
	Notes []Note
}
