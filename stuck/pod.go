package stuck

import (
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
)

// maxWords bounds what is kept of a kubelet's message.
const maxWords = 512

// Pod is one that cannot get an image, or of which only its events can tell.
type Pod struct {
	Namespace, Name, Node string
	// Images are those that it waits for, in the order of the kubelet's status.
	Images []Image
	// Silent says that the status does not tell what it waits for: the image of
	// its sandbox or of a volume, or something else altogether.
	Silent bool
	// Since is when it was given to its node.
	Since time.Time
	// Holds is what the scheduler has set aside for it.
	Holds Resources
}

// Image is one that a Pod waits for.
type Image struct {
	// Container is empty for the image of the sandbox.
	Container, Reference string
	// Reason and Words are the kubelet's, the words without what a URL may say
	// beside its path.
	Reason, Words string
}

// Resources are what Pods have requested.
type Resources struct {
	CPU    float64 // cores
	Memory float64 // bytes
	GPUs   float64
}

// Add adds what another holds.
func (r *Resources) Add(more Resources) {
	r.CPU, r.Memory, r.GPUs = r.CPU+more.CPU, r.Memory+more.Memory, r.GPUs+more.GPUs
}

// Waits tells whether a container waits for an image that its node could not get,
// by the reason that it waits for (Kubernetes pkg/kubelet/images/types.go and
// pkg/kubelet/kuberuntime/kuberuntime_image.go; the last two come from CRI-O).
func Waits(reason string) bool {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "InvalidImageName",
		"RegistryUnavailable", "SignatureValidationFailed":
		return true
	default:
		return false
	}
}

// Of returns what there is to say of a Pod; nil: it has its images, as far as can
// be seen.
func Of(pod *corev1.Pod) *Pod {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.Spec.NodeName == "" {
		return nil
	}
	found := &Pod{Namespace: pod.Namespace, Name: pod.Name, Node: pod.Spec.NodeName, Since: scheduled(pod)}
	for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses, pod.Status.EphemeralContainerStatuses) {
		waiting := status.State.Waiting
		switch {
		case waiting == nil:
		case Waits(waiting.Reason):
			found.Images = append(found.Images, Image{status.Name, imageOf(pod, status.Name), waiting.Reason, words(waiting.Message)})
		case waiting.Reason == "ContainerCreating":
			found.Silent = true
		}
	}
	if len(found.Images) > 0 {
		found.Silent = false
	}
	if len(found.Images) == 0 && !found.Silent {
		return nil
	}
	found.Holds = held(pod)
	return found
}

// imageOf is a container's image as the Pod has it: the status may spell it
// otherwise.
func imageOf(pod *corev1.Pod, container string) string {
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.Name == container {
			return c.Image
		}
	}
	for i := range pod.Spec.EphemeralContainers {
		if pod.Spec.EphemeralContainers[i].Name == container {
			return pod.Spec.EphemeralContainers[i].Image
		}
	}
	return ""
}

// scheduled is when the Pod was given to its node, or else made.
func scheduled(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return pod.CreationTimestamp.Time
}

// held adds up what the Pod has requested.
func held(pod *corev1.Pod) (sum Resources) {
	for name, quantity := range resource.PodRequests(pod, resource.PodResourcesOptions{}) {
		switch {
		case name == corev1.ResourceCPU:
			sum.CPU += quantity.AsApproximateFloat64()
		case name == corev1.ResourceMemory:
			sum.Memory += quantity.AsApproximateFloat64()
		case isGPU(string(name)):
			sum.GPUs += quantity.AsApproximateFloat64()
		}
	}
	return sum
}

// isGPU tells by a resource's name: nvidia.com/gpu, nvidia.com/mig-1g.5gb,
// amd.com/gpu, gpu.intel.com/i915.
func isGPU(name string) bool {
	vendor, kind, _ := strings.Cut(name, "/")
	return kind == "gpu" || strings.HasPrefix(kind, "gpu.") || strings.HasPrefix(kind, "mig-") || strings.HasPrefix(vendor, "gpu.")
}

// urlQuery is what may hold the signature of whoever may read there.
var urlQuery = regexp.MustCompile(`(https?://[^\s"'?]+)\?[^\s"']*`)

func words(message string) string {
	message = urlQuery.ReplaceAllString(message, "$1?…")
	if len(message) > maxWords {
		message = strings.ToValidUTF8(message[:maxWords], "") + "…"
	}
	return message
}

// FromEvents says what a silent Pod waits for, by its events: the last word on an
// image counts, until something was started. Nil: it is not an image.
func (p *Pod) FromEvents(events []corev1.Event) *Image {
	var found *Image
	for _, e := range InOrder(events) {
		switch {
		case e.Reason == "FailedCreatePodSandBox" && SaysOfImage(e.Message):
			found = &Image{Reference: quoted(e.Message), Reason: "SandboxImage", Words: words(e.Message)}
		case e.Reason == "Failed" && strings.HasPrefix(e.Message, "Failed to pull image"):
			found = &Image{Reference: quoted(e.Message), Reason: "ErrImagePull", Words: words(e.Message)}
		case e.Reason == "Pulled", e.Reason == "Started":
			found = nil
		}
	}
	return found
}

// SaysOfImage tells whether the words of a sandbox that was not made are about its
// image: those of containerd 1.7 and of CRI-O, then those of containerd since 2.0.
func SaysOfImage(words string) bool {
	return strings.Contains(words, "sandbox image") || strings.Contains(words, "failed to pull image") || strings.Contains(words, "pause image")
}

// InOrder returns copies of events, the oldest first, with the words of the last one
// where others are counted in (client-go tools/record/events_cache.go,
// EventAggregatorByReasonMessageFunc).
func InOrder(events []corev1.Event) []corev1.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].Message = strings.TrimPrefix(events[i].Message, "(combined from similar events): ")
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return Told(&a).Compare(Told(&b)) })
	return events
}

// Told is when an event was told for the last time.
func Told(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	default:
		return e.CreationTimestamp.Time
	}
}

var inQuotes = regexp.MustCompile(`"([^"\\ ]+)"`)

// quoted is the first thing in quotes that looks like an image.
func quoted(message string) string {
	for _, match := range inQuotes.FindAllStringSubmatch(strings.ReplaceAll(message, `\"`, `"`), -1) {
		if strings.ContainsAny(match[1], "/:") {
			return match[1]
		}
	}
	return ""
}
