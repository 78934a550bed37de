package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// draft is an explanation that is being put together.
type draft struct {
	*Explanation
	record  *Record
	results []resolver.Result
}

func (a *draft) resultOf(s Symptom) *resolver.Result {
	for i, result := range a.results {
		if result.Image.Container == s.Container && result.Image.Role == s.Role && s.Container != "" {
			return &a.results[i]
		}
	}
	return nil
}

// subject names what waits.
func subject(s Symptom) string {
	if s.Container == "" {
		return "the Pod"
	}
	return string(s.Role) + " " + s.Container
}

func (a *draft) conclude(state State, code, text string) {
	a.State, a.Code, a.Answer = state, code, text
}

// evidence adds what is known, and whence.
func (a *draft) evidence(from, text string, at time.Time) {
	line := Line{From: from, Text: text}
	if !at.IsZero() {
		line.At = &at
	}
	a.Evidence = append(a.Evidence, line)
}

// said adds what the kubelet said; where it said nothing, from where that is
// known.
func (a *draft) said(s Symptom) {
	if s.Words == "" {
		a.evidence("worked out from "+s.From, "the node has made the Pod's sandbox and volumes, and said no more of "+subject(s), s.At)
		return
	}
	a.evidence("the kubelet said ("+s.From+")", s.Words, s.At)
}

// asked adds what the registry says now.
func (a *draft) asked(result *resolver.Result) {
	if result == nil {
		return
	}
	text := result.Message
	if result.Verdict == pull.Pullable {
		text = "it can be pulled"
	}
	if named, err := reference.ParseNormalizedNamed(result.Image.Reference); err == nil && !strings.HasPrefix(result.Image.Reference, reference.Domain(named)+"/") && result.Verdict != pull.Pullable {
		a.evidence("worked out from the name", "it names no registry, and nodes then ask "+reference.Domain(named), time.Time{})
	}
	a.evidence("asked just now"+as(result.Credentials), text, time.Time{})
	a.Notes = append(a.Notes, result.Notes...)
}

// as names the credentials with which was asked.
func as(attempts []pull.Attempt) string {
	var sources []string
	for _, attempt := range attempts {
		if attempt.Outcome != pull.Unused && attempt.Source.Kind != pull.FromNobody {
			sources = append(sources, attempt.Source.String())
		}
	}
	if len(sources) == 0 {
		return ""
	}
	return " as " + strings.Join(sources, ", ")
}

func (a *draft) worstResult() *resolver.Result {
	var worst *resolver.Result
	for i := range a.results {
		if worst == nil || a.results[i].Verdict.Compare(worst.Verdict) > 0 {
			worst = &a.results[i]
		}
	}
	return worst
}

func (a *draft) noNulls() {
	a.Evidence, a.Timeline, a.Remedies = orEmpty(a.Evidence), orEmpty(a.Timeline), orEmpty(a.Remedies)
	a.Notes, a.Unread = orEmpty(a.Notes), orEmpty(a.Unread)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// clock is a moment as it is spoken of; UTC, as the cluster's own times are.
func clock(at time.Time) string { return at.UTC().Format("15:04:05 UTC") }

// span is a time as it is spoken of.
func span(d time.Duration) string { return fmt.Sprint(d.Round(time.Second)) }

// owner names what people change: the topmost controller, or the object.
func (a *draft) owner() workload.Object {
	if a.record.Owner.Kind != "" {
		return a.record.Owner
	}
	return a.record.Object
}

// ownerMeta is the metadata of what people change; nil where it is not known.
func (a *draft) ownerMeta() *metav1.ObjectMeta {
	if a.record.OwnerMeta != nil {
		return a.record.OwnerMeta
	}
	return a.record.Meta
}
