package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"

	"github.com/pullgate/pullgate/resolver/pull"
)

// combine makes one finding of those of the nodes' platforms, none of which is
// unknown: broken only where all are, and a note where they differ.
func (k *check) combine(perPlatform []pull.Finding) pull.Finding {
	var good, bad *pull.Finding
	var notes []pull.Note
	for i := range perPlatform {
		finding := &perPlatform[i]
		switch finding.Reason.Verdict() {
		case pull.Pullable:
			good = finding
			notes = append(notes, finding.Notes...)
		default:
			if bad == nil {
				bad = finding
			}
		}
	}
	if good == nil {
		return k.describeBroken(*bad, perPlatform)
	}
	good.Notes = slices.Concat(notes, k.differ(perPlatform))
	return *good
}

// differ notes the platforms whose nodes could not pull what others could.
func (k *check) differ(perPlatform []pull.Finding) []pull.Note {
	var without []string
	var notes []pull.Note
	for i, finding := range perPlatform {
		name := platforms.FormatAll(k.Platforms[i])
		switch finding.Reason {
		case pull.ReasonPullable:
		case pull.PlatformMismatch:
			without = append(without, name)
		default:
			k.passing = true
			notes = append(notes, pull.Note{Reason: pull.SomeNodesMismatch,
				Message: fmt.Sprintf("nodes of %s could not pull it: %s", name, finding.Detail)})
		}
	}
	if len(without) > 0 {
		notes = append(notes, pull.Note{Reason: pull.SomeNodesMismatch,
			Message: fmt.Sprintf("nodes of %s could not pull it: the index has no entry for them", strings.Join(without, ", "))})
	}
	return notes
}

// describeBroken names the platforms of an image that none of the nodes could
// pull, where that is what is wrong with it.
func (k *check) describeBroken(finding pull.Finding, perPlatform []pull.Finding) pull.Finding {
	var without []string
	for i, other := range perPlatform {
		if other.Reason != pull.PlatformMismatch {
			return finding
		}
		without = append(without, platforms.FormatAll(k.Platforms[i]))
	}
	finding.Detail = "the index has no entry for " + strings.Join(without, ", ")
	return finding
}
