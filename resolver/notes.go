package resolver

import (
	"slices"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
)

// expiresSoon is how much time a secret has to leave not to be told of.
const expiresSoon = 24 * time.Hour

// notesOn lists what is worth knowing of an image and its pull secrets.
func (c *imageCheck) notesOn(f *pull.Facts, onSecrets []pull.Note) []pull.Note {
	return slices.Concat(onSecrets, rejectedNotes(f), expiringNotes(f, time.Now()), f.Finding.Notes, unpinnedNote(c, f))
}

// rejectedNotes are the word on secrets that were refused though another one
// worked.
func rejectedNotes(f *pull.Facts) []pull.Note {
	if f.Verdict() != pull.Pullable {
		return nil
	}
	var notes []pull.Note
	for _, attempt := range f.Attempts {
		if attempt.Outcome == pull.Rejected {
			notes = append(notes, wording.RejectedNote(attempt.Source))
		}
	}
	return notes
}

// expiringNotes are the word on secrets that end within a day, or have.
func expiringNotes(f *pull.Facts, now time.Time) []pull.Note {
	var notes []pull.Note
	for _, attempt := range f.Attempts {
		if !attempt.Expires.IsZero() && attempt.Expires.Sub(now) < expiresSoon {
			notes = append(notes, wording.ExpiringNote(attempt.Source, attempt.Expires, now))
		}
	}
	return notes
}

// unpinnedNote gives the digest to pin, with the reference as it was written.
func unpinnedNote(c *imageCheck, f *pull.Facts) []pull.Note {
	_, pinned := c.named.(reference.Digested)
	tagged, ok := c.named.(reference.Tagged)
	if !c.resolver.Unpinned || pinned || !ok || f.Finding.Digest == "" || f.Verdict() != pull.Pullable {
		return nil
	}
	return []pull.Note{wording.UnpinnedNote(c.image.Reference, tagged.Tag(), f.Finding.Digest)}
}

// dropHelpfulSecrets removes the word on secrets that do not match one image
// but do match another of the same workload: such a secret is in its place.
func dropHelpfulSecrets(results []Result) {
	helpful := map[pull.Source]bool{}
	for _, result := range results {
		for _, attempt := range result.Credentials {
			helpful[attempt.Source] = true
		}
	}
	for i, result := range results {
		if result.Verdict != pull.Pullable {
			continue // what does not match may be the very cause
		}
		var kept []pull.Note // a list of its own: uses of one image share theirs
		for _, note := range result.Notes {
			if note.Reason != pull.PullSecretUnmatched || !helpful[note.Secret] {
				kept = append(kept, note)
			}
		}
		results[i].Notes = kept
	}
}
