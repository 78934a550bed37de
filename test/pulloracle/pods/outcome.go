package pods

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// What the kubelet may have done, besides the reasons for which it has a
// container wait.
const (
	// Pulled: it got the image.
	Pulled = "pulled"
	// Present: it had the image, and let the Pod use it.
	Present = "present"
	// Started: it started the container, whatever became of an image volume
	// that is not mounted.
	Started = "started"
)

// Outcome is what a kubelet made of an image, and what it said of it.
type Outcome struct{ Reason, Words string }

// Definite tells whether the kubelet has come to something.
func (o Outcome) Definite() bool { return o.Reason != "" }

// Good tells whether the image kept nothing from starting.
func (o Outcome) Good() bool {
	return o.Reason == Pulled || o.Reason == Present || o.Reason == Started
}

// OutcomeOf reads what the kubelet made of an image from the Pod's events, or
// from its status where the kubelet sends no event: a pull secret that cannot
// be read becomes the reason itself (pkg/kubelet/images/image_manager.go,
// EnsureImageExists).
func OutcomeOf(c Case, image string, pod corev1.Pod, events []corev1.Event) Outcome {
	if c.Place == Unmounted {
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running != nil {
				return Outcome{Reason: Started}
			}
		}
		return Outcome{}
	}
	for _, event := range events {
		if outcome := outcomeOfEvent(image, event); outcome.Definite() {
			return outcome
		}
	}
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if waiting := status.State.Waiting; waiting != nil && strings.Contains(waiting.Reason, " ") {
			return Outcome{Reason: waiting.Reason, Words: waiting.Message}
		}
	}
	return Outcome{}
}

// outcomeOfEvent knows the words of pkg/kubelet/images/image_manager.go.
func outcomeOfEvent(image string, event corev1.Event) Outcome {
	message := event.Message
	says := func(format string) bool { return strings.HasPrefix(message, fmt.Sprintf(format, image)) }
	switch {
	case says("Successfully pulled image %q"):
		return Outcome{Reason: Pulled} // it goes on with how long it took
	case says("Container image %q already present on machine"):
		return Outcome{Reason: Present, Words: message}
	case says("Failed to pull image %q: "):
		return Outcome{Reason: "ErrImagePull", Words: strings.TrimPrefix(message, fmt.Sprintf("Failed to pull image %q: ", image))}
	case says("Failed to apply default image tag %q"):
		return Outcome{Reason: "InvalidImageName", Words: message}
	case says("Container image %q is not present with pull policy of Never"):
		return Outcome{Reason: "ErrImageNeverPull", Words: message}
	case says("Failed to inspect image %q"):
		return Outcome{Reason: "ImageInspectError", Words: message}
	default:
		return Outcome{}
	}
}
