// Package pull holds the nouns that every room of Pullgate shares: what can be
// said of pulling an image (Verdict, Reason, Note), with what it was tried
// (Credential, Attempt), and what one registry answered (Finding).
package pull

// Verdict says what would happen if a node pulled an image. The zero value is
// Unknown, so that whatever nobody decided can never deny.
type Verdict uint8

// The verdicts, a closed set.
const (
	// Unknown: nothing authoritative was learnt.
	Unknown Verdict = iota
	// Pullable: every feasible node would pull the image.
	Pullable
	// Broken: no feasible node could pull the image.
	Broken
	// Skipped: no registry was asked, on purpose.
	Skipped
)

// String returns the verdict as reports and metrics spell it.
func (v Verdict) String() string {
	switch v {
	case Pullable:
		return "pullable"
	case Broken:
		return "broken"
	case Skipped:
		return "skipped"
	default:
		return "unknown"
	}
}

// MarshalText spells the verdict in reports.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Reason is why a verdict was given. The set is closed; whatever is not in it
// counts as Unknown.
type Reason string

// The reasons, by verdict.
const (
	ReasonPullable Reason = "Pullable"

	InvalidImageName    Reason = "InvalidImageName"
	TagNotFound         Reason = "TagNotFound"
	DigestNotFound      Reason = "DigestNotFound"
	RepositoryNotFound  Reason = "RepositoryNotFound"
	CredentialsRequired Reason = "CredentialsRequired"
	CredentialsRejected Reason = "CredentialsRejected"
	PullSecretMalformed Reason = "PullSecretMalformed"
	PlatformMismatch    Reason = "PlatformMismatch"
	UnsupportedImage    Reason = "UnsupportedImage"
	BlobMissing         Reason = "BlobMissing"
	NeverPresent        Reason = "NeverPresent"

	RateLimited            Reason = "RateLimited"
	RegistryUnreachable    Reason = "RegistryUnreachable"
	RegistryError          Reason = "RegistryError"
	UntrustedCertificate   Reason = "UntrustedCertificate"
	Timeout                Reason = "Timeout"
	NodeCredentialsUnknown Reason = "NodeCredentialsUnknown"
	AddressForbidden       Reason = "AddressForbidden"
	PresentOnNodes         Reason = "PresentOnNodes"

	Unchanged         Reason = "Unchanged"
	OwnedByController Reason = "OwnedByController"
	Exempt            Reason = "Exempt"
)

// Reasons lists every reason under its verdict, in the order in which they are
// documented.
func Reasons() map[Verdict][]Reason {
	return map[Verdict][]Reason{
		Pullable: {ReasonPullable},
		Broken: {InvalidImageName, TagNotFound, DigestNotFound, RepositoryNotFound, CredentialsRequired,
			CredentialsRejected, PullSecretMalformed, PlatformMismatch, UnsupportedImage, BlobMissing, NeverPresent},
		Unknown: {RateLimited, RegistryUnreachable, RegistryError, UntrustedCertificate, Timeout,
			NodeCredentialsUnknown, AddressForbidden, PresentOnNodes},
		Skipped: {Unchanged, OwnedByController, Exempt},
	}
}

// Verdict returns the verdict that a reason stands for; Unknown for a reason
// that is not in the set.
func (r Reason) Verdict() Verdict {
	switch r {
	case ReasonPullable:
		return Pullable
	case InvalidImageName, TagNotFound, DigestNotFound, RepositoryNotFound, CredentialsRequired,
		CredentialsRejected, PullSecretMalformed, PlatformMismatch, UnsupportedImage, BlobMissing, NeverPresent:
		return Broken
	case Unchanged, OwnedByController, Exempt:
		return Skipped
	default:
		return Unknown
	}
}

// NotFound tells whether the registry said that what was asked for is not
// there.
func (r Reason) NotFound() bool {
	return r == TagNotFound || r == DigestNotFound || r == RepositoryNotFound
}

// Refused tells whether the registry turned away who asked.
func (r Reason) Refused() bool {
	return r == CredentialsRequired || r == CredentialsRejected
}

// NoteReason is what a Note is about. Notes go with any verdict and never deny.
type NoteReason string

// The notes, a closed set.
const (
	PullSecretMissing   NoteReason = "PullSecretMissing"
	PullSecretIgnored   NoteReason = "PullSecretIgnored"
	PullSecretUnmatched NoteReason = "PullSecretUnmatched"
	PullSecretRejected  NoteReason = "PullSecretRejected"
	WrongArchitecture   NoteReason = "WrongArchitecture"
	SomeNodesMismatch   NoteReason = "SomeNodesMismatch"
	UnpinnedTag         NoteReason = "UnpinnedTag"
	VolumeNotMounted    NoteReason = "VolumeNotMounted"
)

// Note is something worth knowing that decides nothing.
type Note struct {
	Reason  NoteReason `json:"reason"`
	Message string     `json:"message"`
	// Secret is the source of the pull secret that a note is about, as
	// Credential.Source spells it; empty for other notes.
	Secret string `json:"-"`
}
