package pull

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Kept is a finding as caches keep it: most are Pullable with a SHA-256 digest
// and nothing else, and take that digest's bytes.
type Kept struct {
	digest [sha256.Size]byte
	whole  *Finding // nil: there is nothing else
}

// Keep makes a finding small.
func Keep(f Finding) (kept Kept) {
	if reflect.DeepEqual(f, Finding{Reason: ReasonPullable, Digest: f.Digest}) && kept.hold(f.Digest) {
		return kept
	}
	return Kept{whole: &f}
}

// prefix is that of the digests that are kept as bytes.
const prefix = string(digest.SHA256) + ":"

// hold takes a digest's bytes, where it is spelled as they are.
func (k *Kept) hold(digest digest.Digest) bool {
	text, ok := strings.CutPrefix(digest.String(), prefix)
	if !ok || len(text) != hex.EncodedLen(len(k.digest)) {
		return false
	}
	_, err := hex.Decode(k.digest[:], []byte(text))
	return err == nil && k.spelled() == digest
}

// spelled is the digest.
func (k *Kept) spelled() digest.Digest {
	text := make([]byte, 0, len(prefix)+2*sha256.Size)
	return digest.Digest(hex.AppendEncode(append(text, prefix...), k.digest[:]))
}

// Finding is what was kept.
func (k Kept) Finding() Finding {
	if k.whole != nil {
		return *k.whole
	}
	return Finding{Reason: ReasonPullable, Digest: k.spelled()}
}

// Bytes is about what it takes beside a Kept itself.
func (k Kept) Bytes() int64 {
	if k.whole == nil {
		return 0
	}
	const fixed, ofNote = 160, 32
	size := fixed + len(k.whole.Digest) + len(k.whole.Detail) + len(k.whole.Node)
	for _, note := range k.whole.Notes {
		size += ofNote + len(note.Message)
	}
	return int64(size)
}
