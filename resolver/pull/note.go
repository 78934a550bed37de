package pull

// NoteReason is what a Note is about. Notes go with any verdict and never deny.
type NoteReason string

// The notes, a closed set, which the catalogue explains.
const (
	// PullSecretMissing is about a pull secret that does not exist.
	PullSecretMissing NoteReason = "PullSecretMissing"
	// PullSecretIgnored is about one of a wrong type, or an entry of no use.
	PullSecretIgnored NoteReason = "PullSecretIgnored"
	// PullSecretUnmatched is about one without an entry for the registry.
	PullSecretUnmatched NoteReason = "PullSecretUnmatched"
	// PullSecretRejected is about one that was refused, though another worked.
	PullSecretRejected NoteReason = "PullSecretRejected"
	// PullSecretExpires is about one that says itself that it ends within a day,
	// or has.
	PullSecretExpires NoteReason = "PullSecretExpires"
	// WrongArchitecture is about an image that is pulled and will not run.
	WrongArchitecture NoteReason = "WrongArchitecture"
	// SomeNodesMismatch is about nodes that could not pull what others could.
	SomeNodesMismatch NoteReason = "SomeNodesMismatch"
	// UnpinnedTag is about a tag that can move.
	UnpinnedTag NoteReason = "UnpinnedTag"
	// VolumeNotMounted is about the image of a volume that nobody needs.
	VolumeNotMounted NoteReason = "VolumeNotMounted"
	// Imminence is about when an image that cannot be pulled will hurt what runs.
	Imminence NoteReason = "Imminence"
	// TagMoved is about a tag that no longer leads to what runs.
	TagMoved NoteReason = "TagMoved"
)

// Note is something worth knowing that decides nothing.
type Note struct {
	Reason  NoteReason `json:"reason"`
	Message string     `json:"message"`
	// Secret is the pull secret that a note is about; the zero value for other
	// notes.
	Secret Source `json:"-"`
}
