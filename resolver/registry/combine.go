package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"

	"github.com/pullgate/pullgate/resolver/pull"
)

// judgedKind is what was found for one kind of nodes.
type judgedKind struct {
	nodeKind
	pull.Finding
}

// combine makes one finding of those of the kinds of nodes, none of which is
// unknown: broken only where all are, and a note where they differ.
func (k *check) combine(judged []judgedKind) pull.Finding {
	var good, bad *pull.Finding
	var notes []pull.Note
	for i := range judged {
		finding := &judged[i].Finding
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
		return describeBroken(*bad, judged)
	}
	good.Notes = slices.Concat(notes, k.differ(judged))
	return *good
}

// differ notes the nodes that could not pull what others could.
func (k *check) differ(judged []judgedKind) []pull.Note {
	var without []string
	var notes []pull.Note
	for _, kind := range judged {
		switch kind.Reason {
		case pull.ReasonPullable:
		case pull.PlatformMismatch:
			without = append(without, kind.name)
		default:
			k.passing = true
			notes = append(notes, pull.Note{Reason: pull.SomeNodesMismatch,
				Message: fmt.Sprintf("nodes of %s could not pull it: %s", kind.name, kind.Detail)})
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
func describeBroken(finding pull.Finding, judged []judgedKind) pull.Finding {
	var without []string
	for _, kind := range judged {
		if kind.Reason != pull.PlatformMismatch {
			return finding
		}
		if name := platforms.FormatAll(*kind.platform); !slices.Contains(without, name) {
			without = append(without, name)
		}
	}
	finding.Detail = "the index has no entry for " + strings.Join(without, ", ")
	return finding
}
