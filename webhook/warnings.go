package webhook

import (
	"fmt"
	"slices"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/probe"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxWarning is the length at which the API server cuts a warning
	// (apiserver pkg/endpoints/filters/warning.go).
	maxWarning = 255
	// maxWarnings is how much of them it passes on in all, 4 KiB, less what
	// the last one needs.
	maxWarnings = 4<<10 - 2*maxWarning
)

// warningList keeps warnings as far as the API server passes them on.
type warningList struct {
	kept    []string
	size    int
	dropped int
}

// add takes a warning up, unless it is there already.
func (l *warningList) add(text string) {
	text = plain("pullgate: "+text, maxWarning)
	switch {
	case slices.Contains(l.kept, text):
	case l.dropped > 0 || l.size+len(text) > maxWarnings:
		l.dropped++
	default:
		l.size += len(text)
		l.kept = append(l.kept, text)
	}
}

// all returns the warnings, and says how many there is no room for.
func (l *warningList) all() []string {
	if l.dropped == 0 {
		return l.kept
	}
	return append(l.kept, fmt.Sprintf("pullgate: %d more warnings; the audit log tells more", l.dropped))
}

// warnings are for the person at the command line: what is let in although it
// will fail or may fail, and notes on pull secrets.
func (r ruling) warnings() []string {
	var list warningList
	if r.probed != "" {
		list.add(probe.Answer{Token: r.probed, Mode: string(r.Decision.Mode)}.String())
	}
	if r.Trouble != "" {
		list.add(r.Trouble)
	}
	if r.WrongLabel != "" {
		list.add(fmt.Sprintf("the namespace's label %s=%q is no mode (enforce, warn, audit, off): %s applies", policy.ModeLabel, r.WrongLabel, r.Decision.Mode))
	}
	for _, group := range r.grouped(policy.WarnOf) {
		list.add(warning(group))
	}
	for _, noted := range r.noted() {
		list.add(noted.text())
	}
	return list.all()
}

// warning puts first what matters most, since the API server cuts it: what is
// the matter and what to do; then where, and how that is known.
func warning(group []resolver.Result) string {
	result := group[0]
	text := quoted(result.Image.Reference) + ": " + result.Summary
	if result.Hint != "" {
		text += "; " + result.Hint
	}
	text += " [" + fields(group)
	if evidence := result.Evidence; evidence != "" {
		text += "; " + evidence
	}
	return text + "]"
}

// noted is a note with the images that it goes with.
type noted struct {
	reason  pull.NoteReason
	message string
	images  []string
}

// text is the note after the image, unless it tells that itself: what the API
// server cuts off would be the digest to pin.
func (n noted) text() string {
	if n.reason == pull.UnpinnedTag {
		return n.message
	}
	return quoted(n.images[0]) + andMore(len(n.images)-1) + ": " + n.message
}

// noted lists each note once, and none that a warning or a refusal says
// already.
func (r ruling) noted() []noted {
	var all []noted
	places, seen := map[string]int{}, map[[2]string]bool{}
	for i, result := range r.Report.Results {
		if mode := r.Decision.Modes[i]; mode != policy.Enforce && mode != policy.Warn || r.Decision.Actions[i] == policy.Deny {
			continue
		}
		for _, note := range result.Notes {
			pair := [2]string{note.Message, result.Image.Reference}
			if seen[pair] || elsewhere(result, note) || r.Decision.Actions[i] == policy.WarnOf && note.Message == result.Hint {
				continue
			}
			seen[pair] = true
			at, known := places[note.Message]
			if !known {
				at = len(all)
				places[note.Message] = at
				all = append(all, noted{reason: note.Reason, message: note.Message})
			}
			all[at].images = append(all[at].images, result.Image.Reference)
		}
	}
	return all
}

// elsewhere tells whether a note is about a pull secret that does no harm to what
// is admitted: one for other registries that nobody here misses, since a
// ServiceAccount's secrets go with every image, be it public, or one that is
// good for a while. The audit annotations have the note all the same.
func elsewhere(result resolver.Result, note pull.Note) bool {
	missed := result.Verdict == pull.Broken || result.Reason == pull.NodeCredentialsUnknown
	return (note.Reason == pull.PullSecretUnmatched || note.Reason == pull.PullSecretExpires) && !missed
}
