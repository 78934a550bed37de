package wording

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pullgate/pullgate/resolver/pull"
)

// RejectedNote is the note on a pull secret that was refused though another one
// worked.
func RejectedNote(secret pull.Source) pull.Note {
	return pull.Note{Reason: pull.PullSecretRejected, Secret: secret,
		Message: source(secret) + " was refused, though another one works: renew it, or take it from the list"}
}

// ExpiringNote is the note on a pull secret that ends soon, or has.
func ExpiringNote(secret pull.Source, end, now time.Time) pull.Note {
	text := fmt.Sprintf("%s expires at %s", source(secret), end.Format(time.RFC3339))
	if !end.After(now) {
		text = fmt.Sprintf("%s has expired, at %s: renew it", source(secret), end.Format(time.RFC3339))
	}
	return pull.Note{Reason: pull.PullSecretExpires, Secret: secret, Message: text}
}

// UnpinnedNote is the note that gives the digest to pin, with the reference as it
// was written.
func UnpinnedNote(written, tag string, pinned digest.Digest) pull.Note {
	return pull.Note{Reason: pull.UnpinnedTag, Message: fmt.Sprintf("pin %s@%s, since the tag %s can move", written, pinned, tag)}
}

// ShortNameDoubt is why nothing is known of a short name: full is the name as
// CRI-O gets it.
func ShortNameDoubt(full string) string {
	return fmt.Sprintf("CRI-O may look for a name without a registry elsewhere than on docker.io, or nowhere (%q)", shortNameError(full))
}

// ShortNameNote is the note where other nodes pull it: name is what to write.
func ShortNameNote(full, name string) pull.Note {
	return pull.Note{Reason: pull.SomeNodesMismatch, Message: fmt.Sprintf(
		"nodes that run CRI-O may look for a name without a registry elsewhere than on docker.io, or nowhere (%q): write %s", shortNameError(full), name)}
}

func shortNameError(full string) string {
	return fmt.Sprintf("short name mode is enforcing, but image name %s returns ambiguous list", full)
}

// Unmounted are the words on the image of a volume that no container mounts:
// the Pod starts without it, and what is the matter is a note. Broken says that
// one that did mount it would fail.
func Unmounted(words Words, broken bool) (Words, pull.Note) {
	text := "no container mounts this volume, but one that did might fail: "
	if broken {
		text = "no container mounts this volume, but one that did would fail: "
	}
	text += words.Summary
	if words.Hint != "" {
		text += "; " + words.Hint
	}
	if words.Evidence != "" {
		text += " [" + words.Evidence + "]"
	}
	return Plain("no container mounts the volume, so that the Pod starts without it"),
		pull.Note{Reason: pull.VolumeNotMounted, Message: text}
}
