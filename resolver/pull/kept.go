package pull

import (
	"reflect"

	"github.com/opencontainers/go-digest"
)

// Kept is a finding as caches keep it: most are Pullable with a digest and
// nothing else, and take a sixth of a Finding's room.
type Kept struct {
	digest digest.Digest
	whole  *Finding // nil: there is nothing else
}

// Keep makes a finding small.
func Keep(f Finding) Kept {
	if reflect.DeepEqual(f, Finding{Reason: ReasonPullable, Digest: f.Digest}) {
		return Kept{digest: f.Digest}
	}
	return Kept{whole: &f}
}

// Finding is what was kept.
func (k Kept) Finding() Finding {
	if k.whole != nil {
		return *k.whole
	}
	return Finding{Reason: ReasonPullable, Digest: k.digest}
}

// Bytes is about what it takes beside a Kept itself.
func (k Kept) Bytes() (size int64) {
	size = int64(len(k.digest))
	if k.whole == nil {
		return size
	}
	const fixed = 144
	size += fixed + int64(len(k.whole.Digest)+len(k.whole.Detail)+len(k.whole.Node))
	for _, note := range k.whole.Notes {
		size += int64(len(note.Message))
	}
	return size
}
