package explain

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/workload"
)

// Symptom is what the kubelet said of one image of a Pod.
type Symptom struct {
	Container string
	Role      workload.Role
	Image     string
	// Reason is the kubelet's waiting reason or that of its event.
	Reason string
	// Words are the kubelet's, the fullest that there are.
	Words string
	// Cause is what they mean.
	Cause Cause
	// From says whence they are: "the kubelet's status" or "an event".
	From string
	At   time.Time // zero: not told
	// Tried is when the kubelet last tried; the zero time: it is not told.
	Tried time.Time
	// Attempts is how often the kubelet has failed, as far as events tell; 0:
	// not told.
	Attempts int
}

// pullReasons are the kubelet's waiting reasons of an image that is not there
// (Kubernetes pkg/kubelet/images/types.go).
func pullReasons() []string {
	return []string{
		"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "InvalidImageName",
		"RegistryUnavailable", "SignatureValidationFailed",
	}
}

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
	return append(found, volumeSymptoms(r)...)
}

type statusGroup struct {
	role     workload.Role
	statuses []corev1.ContainerStatus
}

func statuses(pod *corev1.Pod) []statusGroup {
	return []statusGroup{
		{workload.InitContainer, pod.Status.InitContainerStatuses},
		{workload.Container, pod.Status.ContainerStatuses},
		{workload.EphemeralContainer, pod.Status.EphemeralContainerStatuses},
	}
}

// waiting is the symptom of a container that waits for its image.
func waiting(r *Record, role workload.Role, status corev1.ContainerStatus) (Symptom, bool) {
	state := status.State.Waiting
	if state == nil {
		return Symptom{}, false
	}
	s := Symptom{Container: status.Name, Role: role, Image: imageOf(r.Pod, status.Name), Reason: state.Reason, Words: state.Message, From: "the kubelet's status"}
	events := eventsOf(r, s.Image)
	switch {
	case slices.Contains(pullReasons(), state.Reason):
	case strings.Contains(state.Reason, " "): // an error's own text, since nothing came before the keyring
		s.Words = state.Reason
	case state.Reason == "ContainerCreating":
		return pulling(s, events)
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
		if e.Reason != "Failed" && e.Reason != "BackOff" && e.Reason != "ErrImageNeverPull" && e.Reason != "InspectFailed" {
			continue
		}
		s.At = eventTime(e)
		if e.Reason != "Failed" || isEcho(e.Message) {
			continue
		}
		s.Tried, s.Attempts = eventTime(e), s.Attempts+int(max(e.Count, 1))
		if causeOf(s.Words) == NoCause {
			s.Words, s.From = e.Message, "an event"
		}
	}
}

// isEcho tells whether an event only repeats the waiting reason ("Error:
// ImagePullBackOff").
func isEcho(message string) bool {
	reason, found := strings.CutPrefix(message, "Error: ")
	return found && slices.Contains(pullReasons(), reason)
}

// pulling is the symptom of a container whose pull began and of which nothing
// came since. The kubelet tells of a pull before it waits for others
// (pkg/kubelet/images/image_manager.go, pullImage).
func pulling(s Symptom, events []corev1.Event) (Symptom, bool) {
	var began time.Time
	for i := range events {
		switch e := &events[i]; e.Reason {
		case "Pulling":
			began = eventTime(e)
		case "Pulled", "Failed":
			began = time.Time{}
		}
	}
	if began.IsZero() {
		return Symptom{}, false
	}
	s.Cause, s.At, s.From = Hanging, began, "an event"
	s.Words = "Pulling image " + quoted(s.Image)
	return s, true
}

// sandboxSymptom is what the kubelet says of the image of the Pod's sandbox.
func sandboxSymptom(r *Record) (Symptom, bool) {
	for i := len(r.Events) - 1; i >= 0; i-- {
		e := &r.Events[i]
		if e.Reason == "FailedCreatePodSandBox" && strings.Contains(e.Message, "sandbox image") {
			return Symptom{
				Container: "", Image: sandboxImage(e.Message), Reason: e.Reason, Words: e.Message,
				Cause: Sandbox, From: "an event", At: eventTime(e), Attempts: int(max(e.Count, 1)),
			}, true
		}
	}
	return Symptom{}, false
}

var inQuotes = regexp.MustCompile(`"([^"\\]+)"`)

// sandboxImage is the image that the words name, the last thing in quotes that
// has a tag or a slash.
func sandboxImage(words string) string {
	found := ""
	for _, match := range inQuotes.FindAllStringSubmatch(strings.ReplaceAll(words, `\"`, `"`), -1) {
		if strings.ContainsAny(match[1], "/:") && !strings.Contains(match[1], " ") {
			found = match[1]
		}
	}
	return found
}

// volumeSymptoms are what events say of the images of volumes, which have no
// status.
func volumeSymptoms(r *Record) []Symptom {
	var found []Symptom
	for _, volume := range r.Pod.Spec.Volumes {
		if volume.Image == nil {
			continue
		}
		s := Symptom{Container: volume.Name, Role: workload.Volume, Image: volume.Image.Reference, Reason: "Failed", From: "an event"}
		s.addEvents(eventsOf(r, s.Image))
		if s.Cause = causeOf(s.Words); s.Attempts > 0 {
			found = append(found, s)
		}
	}
	return found
}

// imageOf is the image of a container, by its name.
func imageOf(pod *corev1.Pod, container string) string {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			if c.Name == container {
				return c.Image
			}
		}
	}
	for _, c := range pod.Spec.EphemeralContainers {
		if c.Name == container {
			return c.Image
		}
	}
	return ""
}

// eventsOf are the Pod's events that name an image, the oldest first.
func eventsOf(r *Record, image string) []corev1.Event {
	var found []corev1.Event
	for _, e := range r.Events {
		if image != "" && (strings.Contains(e.Message, quoted(image)) || isEcho(e.Message)) {
			found = append(found, e)
		}
	}
	return found
}

func quoted(image string) string { return `"` + image + `"` }
