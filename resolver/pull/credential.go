package pull

import (
	"crypto/sha256"
	"log/slog"
	"time"
)

// Credential is one user name and password, and where they come from. The
// zero value is the anonymous one. The values are unexported, and whatever
// prints a Credential prints its source alone.
type Credential struct {
	source             Source
	username, password string
	flaws              Flaws
	fingerprint        [sha256.Size]byte
}

// NewCredential returns a credential that a source holds.
func NewCredential(source Source, username, password string) Credential {
	made := Credential{source: source, username: username, password: password, flaws: flawsOf(username) | flawsOf(password)}
	if !made.IsAnonymous() {
		made.fingerprint = sha256.Sum256([]byte(username + "\x00" + password))
	}
	return made
}

// From returns the same credential of another source.
func (c Credential) From(source Source) Credential {
	c.source = source
	return c
}

// With adds flaws that do not show in the values.
func (c Credential) With(flaws Flaws) Credential {
	c.flaws |= flaws
	return c
}

// Flaws are what people get wrong about the values.
func (c Credential) Flaws() Flaws { return c.flaws }

// Source says where the credential comes from.
func (c Credential) Source() Source { return c.source }

// Basic returns what is offered to a registry that challenges. Without a user
// name containerd offers nothing at all, a password alone included
// (containerd internal/cri/server/images/image_pull.go, ParseAuth).
func (c Credential) Basic() (username, password string) {
	if c.username == "" {
		return "", ""
	}
	return c.username, c.password
}

// IsAnonymous tells whether a registry would be asked without a credential,
// be it that there is none or that it has no user name.
func (c Credential) IsAnonymous() bool { return c.username == "" }

// Fingerprint identifies what the credential gives access to, without telling
// it: equal for equal values wherever they come from. It is for keys of maps
// in memory and never leaves the process.
func (c Credential) Fingerprint() [sha256.Size]byte { return c.fingerprint }

// String returns the source.
func (c Credential) String() string { return c.source.String() }

// GoString returns the source, so that %#v tells nothing either.
func (c Credential) GoString() string { return c.source.String() }

// LogValue returns the source.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.source.String()) }

// MarshalText returns the source.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.source.String()), nil }

// Outcome is what came of trying a credential.
type Outcome string

// The outcomes, a closed set.
const (
	// Accepted: the registry answered the question that was asked with it.
	Accepted Outcome = "accepted"
	// Rejected: the registry refused it, or refused access with it.
	Rejected Outcome = "rejected"
	// Undecided: no answer about the image came.
	Undecided Outcome = "undecided"
	// Unused: it matches, but one before it pulled, and nodes try no other.
	Unused Outcome = "unused"
	// Unsent: it matches, and the registry refused without asking for it in a
	// way that nodes know, so that none shows it.
	Unsent Outcome = "unsent"
)

// Attempt records what became of a credential that matches, by the name of its
// source.
type Attempt struct {
	Source  Source  `json:"source"`
	Outcome Outcome `json:"outcome"`
	// Flaws are what is to be seen of the credential's values.
	Flaws Flaws `json:"-"`
	// Expires is when a pull secret is of no use any more, as far as it says so
	// itself; zero: it does not.
	Expires time.Time `json:"expires,omitzero"`
}
