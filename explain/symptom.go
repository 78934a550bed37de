package explain

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

// Symptom is what the kubelet said of one image of a Pod.
type Symptom struct {
	Container string
	Role      workload.Role
	Image     string
	// Reason is the kubelet's waiting reason or that of its event.
	Reason string
	// Words are the kubelet's, the fullest that there are; empty where it said
	// nothing.
	Words string
	// Cause is what they mean.
	Cause Cause
	// From says whence they are: "its status", "an event", or a condition of the
	// Pod that was read for want of them.
	From string
	At   time.Time // zero: not told
	// Tried is when the kubelet last tried; the zero time: it is not told.
	Tried time.Time
	// Attempts is how often the kubelet has failed, as far as events tell; 0:
	// not told.
	Attempts int
}

// Whence the kubelet's words are.
const (
	inStatus = "its status"
	inEvent  = "an event"
)

// symptoms are what the kubelet says of the Pod's images, in the order of the
// Pod's containers; what keeps the others from being pulled comes first.
func symptoms(r *Record) []Symptom {
	if r.Pod == nil {
		return nil
	}
	var found []Symptom
	if sandbox, ok := sandboxSymptom(r); ok {
		found = append(found, sandbox)
	}
	for _, group := range statuses(r.Pod) {
		for _, status := range group.statuses {
			if s, ok := waiting(r, group.role, status); ok {
				found = append(found, s)
			}
		}
	}
	return append(found, volumeSymptoms(r, found)...)
}

// waiting is the symptom of a container that waits for its image, or for that of
// a volume which it mounts: its status then has what became of the volume's.
func waiting(r *Record, role workload.Role, status corev1.ContainerStatus) (Symptom, bool) {
	state := status.State.Waiting
	if state == nil {
		return Symptom{}, false
	}
	s := Symptom{Container: status.Name, Role: role, Image: imageOf(&r.Pod.Spec, status.Name), Reason: state.Reason, Words: state.Message, From: inStatus}
	if volume, ok := volumeIn(r.Pod, state.Message, s.Image); ok {
		s.Container, s.Role, s.Image = volume.Name, workload.Volume, volume.Image.Reference
	}
	events := eventsOf(r, s)
	switch {
	case stuck.Waits(state.Reason):
	case strings.Contains(state.Reason, " "): // an error's own text, since nothing came before the keyring
		s.Words = state.Reason
	case state.Reason == "ContainerCreating", state.Reason == "PodInitializing" && isNext(r.Pod, status.Name):
		return creating(r, s, events)
	default:
		return Symptom{}, false
	}
	s.addEvents(events)
	if s.Cause = causeOf(s.Words); s.Cause == NoCause && strings.Contains(state.Reason, " ") {
		return Symptom{}, false
	}
	return s, true
}

// addEvents takes what the events tell: when, how often, and the words where the
// status has none. Since Kubernetes 1.32 the status holds the error when the
// events are gone (k/k#127918).
func (s *Symptom) addEvents(events []corev1.Event) {
	for i := range events {
		e := &events[i]
		if !failed(e) && e.Reason != "BackOff" {
			continue
		}
		s.At = stuck.Told(e)
		if e.Reason == "BackOff" || isEcho(e.Message) {
			continue
		}
		s.Tried, s.Attempts = stuck.Told(e), s.Attempts+int(max(e.Count, 1))
		if causeOf(s.Words) == NoCause {
			s.Words, s.From = e.Message, inEvent
		}
	}
}

// creating is the symptom of a container of which the status says no more than
// that it is being made: what its events say, or that they say nothing. The
// kubelet tells of a pull before it waits for others
// (pkg/kubelet/images/image_manager.go, pullImage).
func creating(r *Record, s Symptom, events []corev1.Event) (Symptom, bool) {
	events = slices.DeleteFunc(events, func(e corev1.Event) bool {
		return e.Reason != "Pulling" && e.Reason != "Pulled" && !failed(&e)
	})
	if len(events) == 0 {
		since, ready := readyToStart(r.Pod)
		s.Cause, s.At, s.From, s.Words = Hanging, since, "the Pod's condition PodReadyToStartContainers", ""
		return s, ready
	}
	switch last := events[len(events)-1]; last.Reason {
	case "Pulled":
		return Symptom{}, false
	case "Pulling":
		s.Cause, s.At, s.From, s.Words = Hanging, stuck.Told(&last), inEvent, "Pulling image "+quoted(s.Image)
		return s, true
	default:
		s.addEvents(events)
		s.Cause = causeOf(s.Words)
		return s, true
	}
}

// sandboxSymptom is what the kubelet says of the image of the Pod's sandbox.
func sandboxSymptom(r *Record) (Symptom, bool) {
	for i := len(r.Events) - 1; i >= 0; i-- {
		e := &r.Events[i]
		if e.Reason != "FailedCreatePodSandBox" || !stuck.SaysOfImage(e.Message) {
			continue
		}
		if _, ready := readyToStart(r.Pod); ready {
			return Symptom{}, false // it was put right since
		}
		return Symptom{
			Image: sandboxImage(e.Message), Reason: e.Reason, Words: e.Message,
			Cause: Sandbox, From: inEvent, At: stuck.Told(e), Tried: stuck.Told(e), Attempts: int(max(e.Count, 1)),
		}, true
	}
	return Symptom{}, false
}

// volumeSymptoms are what events say of the images of volumes, but for those of
// which a container's status has said it.
func volumeSymptoms(r *Record, told []Symptom) []Symptom {
	var found []Symptom
	for _, volume := range r.Pod.Spec.Volumes {
		if volume.Image == nil || slices.ContainsFunc(told, func(s Symptom) bool { return s.Role == workload.Volume && s.Container == volume.Name }) {
			continue
		}
		s := Symptom{Container: volume.Name, Role: workload.Volume, Image: volume.Image.Reference, Reason: "Failed", From: inEvent}
		events := eventsOf(r, s)
		s.addEvents(events)
		if pulled := slices.ContainsFunc(events, func(e corev1.Event) bool { return e.Reason == "Pulled" && stuck.Told(&e).After(s.Tried) }); pulled || s.Attempts == 0 {
			continue
		}
		s.Cause = causeOf(s.Words)
		found = append(found, s)
	}
	return found
}
