package pull

import "slices"

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

// Verdicts lists them in the order of how much they matter, the least first.
func Verdicts() []Verdict { return []Verdict{Skipped, Pullable, Unknown, Broken} }

// Compare orders verdicts by how much they matter: Broken is the most.
func (v Verdict) Compare(other Verdict) int {
	return slices.Index(Verdicts(), v) - slices.Index(Verdicts(), other)
}

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
