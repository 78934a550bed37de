package explain

import (
	"fmt"
	"time"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Explain joins what was read with what the registry says now of each image.
func Explain(r *Record, results []resolver.Result) *Explanation {
	e := &Explanation{APIVersion: APIVersion, Kind: Kind, Object: r.Object, State: Healthy, Unread: r.Unread}
	if r.Pod != nil {
		e.Pod = r.Pod.Name
	}
	a := &draft{Explanation: e, record: r, results: results}
	switch said := symptoms(r); {
	case len(said) > 0:
		explainSymptom(a, telling(a, said))
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
func telling(a *draft, said []Symptom) Symptom {
	for _, s := range said {
		if result := a.resultOf(s); result != nil && result.Verdict == pull.Broken {
			return s
		}
	}
	return said[0]
}

// explainSymptom explains what the kubelet says of an image.
func explainSymptom(a *draft, s Symptom) {
	a.Image, a.Container = s.Image, s.Container
	a.evidence("the kubelet said ("+s.From+")", s.Words, s.At)
	result := a.resultOf(s)
	a.asked(result)
	switch {
	case s.Cause.OnNode():
		explainOnNode(a, s)
	case result == nil:
		a.conclude(Unknown, string(s.Cause), fmt.Sprintf("%s waits for %s, and pullgate asked no registry about it", subject(s), s.Image))
	case result.Verdict == pull.Broken:
		a.conclude(Broken, string(result.Reason), fmt.Sprintf("%s cannot start: %s: %s", subject(s), s.Image, result.Summary))
		mend(a, result)
	case result.Verdict == pull.Pullable:
		explainHealed(a, s)
	default:
		explainUndecided(a, s, result)
	}
	a.Others = others(a, s.Image)
}

// explainHealed explains what failed and would work now.
func explainHealed(a *draft, s Symptom) {
	by := a.record.At.Add(maxBackOff)
	if next := s.Tried.Add(maxBackOff); !s.Tried.IsZero() && next.After(a.record.At) {
		by = next
	}
	a.conclude(Healed, string(s.Cause), fmt.Sprintf("%s can be pulled now; the kubelet tries again by %s at the latest", s.Image, clock(by)))
	a.evidence("worked out", "the kubelet waits 10 s after a failure, twice as long after each further one, and 5 min at most, for each Pod and image", time.Time{})
	retry(a)
}

// explainUndecided explains where the registry's answer decides nothing: what the
// kubelet said stands.
func explainUndecided(a *draft, s Symptom, result *resolver.Result) {
	code := string(result.Reason)
	text := fmt.Sprintf("%s waits for %s: %s", subject(s), s.Image, result.Summary)
	a.conclude(Unknown, code, text)
	if result.Hint != "" {
		a.Remedies = append(a.Remedies, Remedy{Text: result.Hint})
	}
	a.onTheNode("what the node itself gets", "crictl pull "+s.Image, Looks)
}

// explainForeseen explains an object of whose images no kubelet has said anything.
func explainForeseen(a *draft) {
	worst := a.worstResult()
	switch {
	case worst == nil || worst.Verdict == pull.Pullable || worst.Verdict == pull.Skipped:
		a.Answer = "nothing is the matter with its images"
		return
	case worst.Verdict == pull.Unknown:
		a.conclude(Unknown, string(worst.Reason), fmt.Sprintf("%s: %s", worst.Image.Reference, worst.Summary))
	case a.record.Pod != nil && a.record.Pod.Status.Phase == "Running":
		a.conclude(Healthy, string(worst.Reason), fmt.Sprintf("it runs, but %s could not be pulled again: %s", worst.Image.Reference, worst.Summary))
	default:
		a.conclude(Broken, string(worst.Reason), fmt.Sprintf("%s %s could not start: %s: %s", worst.Image.Role, worst.Image.Container, worst.Image.Reference, worst.Summary))
	}
	a.Image, a.Container = worst.Image.Reference, worst.Image.Container
	a.asked(worst)
	mend(a, worst)
}

// others counts the Pods of the namespace that wait for the same image.
func others(a *draft, image string) int {
	count := 0
	for i := range a.record.Neighbours {
		for _, s := range symptoms(&Record{Pod: &a.record.Neighbours[i]}) {
			if s.Image == image {
				count++
				break
			}
		}
	}
	return count
}
