package explain

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

// explainForeseen explains an object of whose images no kubelet has said anything.
func explainForeseen(a *draft) {
	worst := a.worstResult()
	started := a.record.Pod != nil && a.record.Pod.Status.Phase != corev1.PodPending
	switch {
	case worst == nil || worst.Verdict == pull.Pullable || worst.Verdict == pull.Skipped:
		explainOtherwise(a)
		return
	case started && (worst.Verdict == pull.Broken || worst.Reason == pull.PresentOnNodes):
		a.conclude(Healthy, string(worst.Reason), fmt.Sprintf("it runs, but %s could not be pulled again: %s; %s",
			worst.Image.Reference, worst.Summary, whenItHurts(a, worst.Image)))
	case worst.Verdict == pull.Unknown:
		a.conclude(Unknown, string(worst.Reason), fmt.Sprintf("%s: %s", worst.Image.Reference, worst.Summary))
	default:
		a.conclude(Broken, string(worst.Reason), fmt.Sprintf("%s %s could not start: %s: %s; %s",
			worst.Image.Role, worst.Image.Container, worst.Image.Reference, worst.Summary, whenItHurts(a, worst.Image)))
	}
	a.Image, a.Container = worst.Image.Reference, worst.Image.Container
	a.asked(worst)
	mend(a, worst)
}

// explainOtherwise explains an object whose images are as they should be.
func explainOtherwise(a *draft) {
	a.Answer = "nothing is the matter with its images"
	pod := a.record.Pod
	if pod == nil || pod.Status.Phase != corev1.PodPending {
		return
	}
	if warning := lastWarning(a.record.Events); warning != nil {
		a.Answer += "; it waits for something else"
		a.evidence(warning.Source.Component+" said ("+inEvent+")", warning.Message, stuck.Told(warning))
		return
	}
	if scheduled := conditionOf(pod, corev1.PodScheduled); scheduled != nil && scheduled.Status == corev1.ConditionFalse {
		a.Answer += "; no node takes it"
		a.evidence("the scheduler said (the condition PodScheduled)", scheduled.Message, scheduled.LastTransitionTime.Time)
		return
	}
	if ready := conditionOf(pod, corev1.PodReadyToStartContainers); ready != nil && ready.Status == corev1.ConditionFalse {
		since := ready.LastTransitionTime.Time
		a.conclude(Unknown, string(NotStarted), fmt.Sprintf("node %s has not made the Pod's sandbox for %s, and only it knows why", a.node(), span(a.record.At.Sub(since))))
		a.evidence("worked out from the Pod's condition PodReadyToStartContainers", "volumes, the network and the sandbox's image come before its images", since)
		a.onTheNode("see what the kubelet says", "journalctl -u kubelet --since -10min", advice.Looks)
	}
}

// lastWarning is the last event that tells of something wrong; nil: there is none.
func lastWarning(events []corev1.Event) *corev1.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Type == corev1.EventTypeWarning {
			return &events[i]
		}
	}
	return nil
}

func conditionOf(pod *corev1.Pod, name corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == name {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// whenItHurts says when an image that cannot be pulled hurts.
func whenItHurts(a *draft, image workload.Image) string {
	pod := a.record.Pod
	switch {
	case pod == nil:
		return whenTemplateHurts(a)
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return "the Pod has ended: it hurts with the next one"
	case pod.Status.Phase == corev1.PodPending:
		return "it hurts when the Pod starts"
	case image.Role == workload.InitContainer && image.Policy == corev1.PullAlways:
		return "it hurts when the Pod's sandbox is made anew, for its init containers run again then: the pull policy is Always"
	case image.Policy == corev1.PullAlways && isDown(pod, image.Container):
		return "it hurts already: the container has ended, and the kubelet pulls before it starts it again (pull policy Always)"
	case image.Policy == corev1.PullAlways:
		return "it hurts at the next restart of " + string(image.Role) + " " + image.Container + ": the pull policy is Always"
	default:
		return fmt.Sprintf("it hurts when the Pod lands on another node, or node %s is replaced: there the image is", a.node())
	}
}

// isDown tells whether a container has ended and is to be started again.
func isDown(pod *corev1.Pod, container string) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container {
			return status.State.Running == nil
		}
	}
	return false
}

// whenTemplateHurts says when an image hurts that no Pod has.
func whenTemplateHurts(a *draft) string {
	idle := a.record.Idle
	switch {
	case a.record.Object.Kind == "CronJob" && idle.Suspended:
		return "it hurts when the CronJob is suspended no longer"
	case a.record.Object.Kind == "CronJob":
		return "it hurts at the CronJob's next time: " + imminence.NextTime(idle.Schedule, idle.TimeZone, a.record.At)
	case idle.Suspended:
		return "it hurts when it is suspended no longer"
	case idle.Zero:
		return "it hurts when it is scaled up: it has no replicas"
	default:
		return "it hurts with the next Pod"
	}
}

// explainNotCreated explains an object some or all of whose Pods do not exist since
// their creation is refused, and tells whether it is one.
func explainNotCreated(a *draft) bool {
	words, from, at := refusal(a.record)
	if words == "" {
		return false
	}
	object, none := a.owner(), "no Pod of %s %s exists: %s"
	if a.record.Pod != nil {
		none = "not all Pods of %s %s exist: %s"
	}
	a.evidence("the controller said ("+from+")", words, at)
	a.conclude(Broken, string(NotCreated), fmt.Sprintf(none, object.Kind, object.Name, whyRefused(words)))
	if worst := a.worstResult(); worst != nil && worst.Verdict == pull.Broken {
		a.asked(worst)
		mend(a, worst)
	}
	letCreate(a, words)
	return true
}

// refusal is what the controller was told last when it made a Pod.
func refusal(r *Record) (words, from string, at time.Time) {
	for _, c := range r.Conditions {
		if c.Type == "ReplicaFailure" || c.Reason == "FailedCreate" {
			words, from, at = c.Message, "the condition "+c.Type, c.At
		}
	}
	if words != "" || r.Pod != nil {
		return words, from, at // an event may be of what was put right since
	}
	for i := range r.Events {
		if e := &r.Events[i]; e.Reason == "FailedCreate" {
			words, from, at = e.Message, inEvent, stuck.Told(e)
		}
	}
	return words, from, at
}
