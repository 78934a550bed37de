package pull

// Reason is why a verdict was given. The set is closed, and the catalogue says
// of each what it stands for; whatever is not in it counts as Unknown.
type Reason string

// The reasons.
const (
	// ReasonPullable: every node on which the Pod can land would pull it.
	ReasonPullable Reason = "Pullable"

	// InvalidImageName: the kubelet cannot parse the reference.
	InvalidImageName Reason = "InvalidImageName"
	// TagNotFound: the registry says that the tag is not there.
	TagNotFound Reason = "TagNotFound"
	// DigestNotFound: the registry says that the digest is not there.
	DigestNotFound Reason = "DigestNotFound"
	// RepositoryNotFound: the registry says in words that it knows no such
	// repository.
	RepositoryNotFound Reason = "RepositoryNotFound"
	// CredentialsRequired: nothing was shown, and the registry wants something.
	CredentialsRequired Reason = "CredentialsRequired"
	// CredentialsRejected: every credential that matches was shown and refused.
	CredentialsRejected Reason = "CredentialsRejected"
	// PullSecretMalformed: a pull secret fails every pull of the Pod.
	PullSecretMalformed Reason = "PullSecretMalformed"
	// PlatformMismatch: no entry of the index is for any of the nodes.
	PlatformMismatch Reason = "PlatformMismatch"
	// UnsupportedImage: the nodes' runtime refuses what the registry has.
	UnsupportedImage Reason = "UnsupportedImage"
	// BlobMissing: the manifest is there, a part that it names is not.
	BlobMissing Reason = "BlobMissing"
	// NeverPresent: the pull policy is Never, and no node is known to have it.
	NeverPresent Reason = "NeverPresent"

	// RateLimited: the registry answered 429.
	RateLimited Reason = "RateLimited"
	// RegistryUnreachable: no answer came.
	RegistryUnreachable Reason = "RegistryUnreachable"
	// RegistryError: an answer came that says nothing about the image.
	RegistryError Reason = "RegistryError"
	// UntrustedCertificate: the certificate is not trusted where Pullgate runs.
	UntrustedCertificate Reason = "UntrustedCertificate"
	// Timeout: there was no time left.
	Timeout Reason = "Timeout"
	// NodeCredentialsUnknown: refused, but nodes may hold credentials that
	// Pullgate does not.
	NodeCredentialsUnknown Reason = "NodeCredentialsUnknown"
	// AddressForbidden: the guard would not dial the address.
	AddressForbidden Reason = "AddressForbidden"
	// PresentOnNodes: the registry would refuse, but a node has it already.
	PresentOnNodes Reason = "PresentOnNodes"

	// Unchanged: an update that changes no image, pull secret or account.
	Unchanged Reason = "Unchanged"
	// OwnedByController: checked on the controller that creates it.
	OwnedByController Reason = "OwnedByController"
	// Exempt: the configuration, or the object, says not to look.
	Exempt Reason = "Exempt"
)

// Verdict returns the verdict that a reason stands for; Unknown for a reason
// that is not in the catalogue.
func (r Reason) Verdict() Verdict {
	entry, _ := standard.Reason(r)
	return entry.Verdict
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

// Entry returns what the catalogue says of the reason, and whether it is in
// there.
func (r Reason) Entry() (Entry, bool) { return standard.Reason(r) }
