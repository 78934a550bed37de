package explain

import (
	"fmt"
	"time"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Explain joins what was read with what the registry says now of each image.
func Explain(r *Record, results []resolver.Result) *Explanation {
	e := &Explanation{APIVersion: APIVersion, Kind: Kind, Object: r.Object, State: Healthy, Unread: r.Unread, sought: r.Sought}
	if r.Pod != nil {
		e.Pod = r.Pod.Name
	}
	a := &draft{Explanation: e, record: r, results: results}
	switch told := symptoms(r); {
	case len(told) > 0:
		explainSymptom(a, telling(a, told))
	case explainNotCreated(a):
	default:
		explainForeseen(a)
	}
	addHistory(a)
	a.noNulls()
	return e
}

// telling picks the symptom that the answer is about: one for which a registry
// gives the reason, else the first, which keeps the others waiting.
func telling(a *draft, told []Symptom) Symptom {
	for _, s := range told {
		if result := a.resultOf(s); result != nil && result.Verdict == pull.Broken {
			return s
		}
	}
	return told[0]
}

// explainSymptom explains what the kubelet says of an image.
func explainSymptom(a *draft, s Symptom) {
	a.Image, a.Container = s.Image, s.Container
	a.said(s)
	result := a.resultOf(s)
	a.asked(result)
	switch {
	case s.Cause == Hanging && result != nil && result.Verdict == pull.Broken && s.Words == "": // the events that would tell are gone
		a.conclude(Broken, string(result.Reason), fmt.Sprintf("%s cannot start: %s: %s", subject(s), s.Image, result.Summary))
		mend(a, result)
	case s.Cause.OnNode():
		explainOnNode(a, s)
	case result == nil:
		a.conclude(Unknown, string(s.Cause), fmt.Sprintf("%s waits for %s, and pullgate asked no registry about it", subject(s), s.Image))
	case result.Reason == pull.PresentOnNodes:
		explainKept(a, s, result)
	case result.Verdict == pull.Broken:
		a.conclude(Broken, string(result.Reason), fmt.Sprintf("%s cannot start: %s: %s", subject(s), s.Image, result.Summary))
		mend(a, result)
	case result.Verdict == pull.Pullable:
		explainHealed(a, s)
	default:
		explainUndecided(a, s, result)
	}
	a.Others = others(a, s)
}

// explainHealed explains what failed and would work now.
func explainHealed(a *draft, s Symptom) {
	by := nextTry(s, a.record.At)
	a.conclude(Healed, string(s.Cause), fmt.Sprintf("%s can be pulled now; the kubelet tries again by %s at the latest", s.Image, clock(by)))
	if backsOff(s) {
		a.evidence("worked out", fmt.Sprintf("the kubelet waits %s after a failure, twice as long after each further one, and %s at most, for each Pod and image; then it looks at the Pod within %s",
			span(minBackOff), span(maxBackOff), span(syncPeriod)), time.Time{})
	}
	retry(a)
}

// explainUndecided explains where the registry's answer decides nothing: what the
// kubelet said stands.
func explainUndecided(a *draft, s Symptom, result *resolver.Result) {
	a.conclude(Unknown, string(result.Reason), fmt.Sprintf("%s waits for %s: %s", subject(s), s.Image, result.Summary))
	if result.Hint != "" {
		a.Remedies = append(a.Remedies, advice.Remedy{Text: result.Hint})
	}
	a.onTheNode("see what the node itself gets", "crictl pull "+advice.Word(s.Image), advice.Looks)
}

// others counts the Pods of the namespace that suffer from the same: that wait
// for the same image, or, where the node is to blame, are on it with the same
// trouble.
func others(a *draft, s Symptom) int {
	count := 0
	for i := range a.record.Neighbours {
		other := &a.record.Neighbours[i]
		for _, theirs := range symptoms(&Record{Pod: other, Events: eventsAbout(a.record.Pulls, other)}) {
			if theirs.Image == s.Image && s.Image != "" || s.Cause.OnNode() && theirs.Cause == s.Cause && other.Spec.NodeName == a.record.Pod.Spec.NodeName {
				count++
				break
			}
		}
	}
	return count
}
