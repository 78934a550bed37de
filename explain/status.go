package explain

import (
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/stuck"
	"github.com/pullgate/pullgate/workload"
)

type statusGroup struct {
	role     workload.Role
	statuses []corev1.ContainerStatus
}

// statuses are those of the Pod's containers, in the order of their start. A kubelet
// that has not written any yet is about to say that it makes the containers.
func statuses(pod *corev1.Pod) []statusGroup {
	if len(pod.Status.ContainerStatuses) == 0 && pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodPending {
		var about []corev1.ContainerStatus
		for _, c := range pod.Spec.Containers {
			making := &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
			about = append(about, corev1.ContainerStatus{Name: c.Name, State: corev1.ContainerState{Waiting: making}})
		}
		return []statusGroup{{workload.Container, about}}
	}
	return []statusGroup{
		{workload.InitContainer, pod.Status.InitContainerStatuses},
		{workload.Container, pod.Status.ContainerStatuses},
		{workload.EphemeralContainer, pod.Status.EphemeralContainerStatuses},
	}
}

// isNext tells whether an init container is the first that has not done its work.
func isNext(pod *corev1.Pod, container string) bool {
	for _, status := range pod.Status.InitContainerStatuses {
		if status.State.Waiting != nil {
			return status.Name == container
		}
	}
	return false
}

// readyToStart tells whether the node has made all that containers need but their
// images, and since when (Kubernetes pkg/kubelet/status/generate.go,
// GeneratePodReadyToStartContainersCondition).
func readyToStart(pod *corev1.Pod) (since time.Time, ready bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReadyToStartContainers {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return time.Time{}, false
}

// imageOf is the image of a container, by its name.
func imageOf(spec *corev1.PodSpec, container string) string {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for _, c := range list {
			if c.Name == container {
				return c.Image
			}
		}
	}
	for _, c := range spec.EphemeralContainers {
		if c.Name == container {
			return c.Image
		}
	}
	for _, v := range spec.Volumes {
		if v.Name == container && v.Image != nil {
			return v.Image.Reference
		}
	}
	return ""
}

// volumeIn is the image volume of which words speak that do not speak of the
// container's own image.
func volumeIn(pod *corev1.Pod, words, own string) (corev1.Volume, bool) {
	if own != "" && strings.Contains(words, quoted(own)) {
		return corev1.Volume{}, false
	}
	for _, v := range pod.Spec.Volumes {
		if v.Image != nil && v.Image.Reference != "" && strings.Contains(words, quoted(v.Image.Reference)) {
			return v, true
		}
	}
	return corev1.Volume{}, false
}

// failed tells whether an event says that an image was not to be had.
func failed(e *corev1.Event) bool {
	return e.Reason == "Failed" || e.Reason == "ErrImageNeverPull" || e.Reason == "InspectFailed"
}

// isEcho tells whether an event only repeats the waiting reason ("Error:
// ImagePullBackOff").
func isEcho(message string) bool {
	reason, found := strings.CutPrefix(message, "Error: ")
	return found && stuck.Waits(reason)
}

// eventsOf are the Pod's events about a symptom's image or container, the oldest
// first.
func eventsOf(r *Record, s Symptom) []corev1.Event {
	var found []corev1.Event
	for _, e := range r.Events {
		own := strings.Contains(e.InvolvedObject.FieldPath, "ontainers{"+s.Container+"}") && !strings.Contains(e.Message, " image ")
		if s.Image != "" && strings.Contains(e.Message, quoted(s.Image)) || own && s.Role != workload.Volume {
			found = append(found, e)
		}
	}
	return found
}

func quoted(image string) string { return `"` + image + `"` }

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
