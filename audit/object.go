package audit

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/stuck"
)

// object is what is read of an object besides its pod templates.
type object struct {
	Metadata struct {
		UID types.UID `json:"uid"`
	} `json:"metadata"`
	Spec struct {
		// NodeName is a Pod's.
		NodeName string `json:"nodeName"`
		// Schedule, TimeZone and Suspend are a CronJob's.
		Schedule string `json:"schedule"`
		TimeZone string `json:"timeZone"`
		Suspend  bool   `json:"suspend"`
	} `json:"spec"`
	Status struct {
		// Phase and the rest are a Pod's.
		Phase      corev1.PodPhase `json:"phase"`
		Init       []containerNow  `json:"initContainerStatuses"`
		Containers []containerNow  `json:"containerStatuses"`
		Ephemeral  []containerNow  `json:"ephemeralContainerStatuses"`
		// Conditions are a Job's, of which other kinds have the same shape.
		Conditions []condition `json:"conditions"`
	} `json:"status"`
}

type condition struct {
	Type   string                 `json:"type"`
	Status metav1.ConditionStatus `json:"status"`
}

// containerNow is what a kubelet says of a container.
type containerNow struct {
	Name    string `json:"name"`
	ImageID string `json:"imageID"`
	State   struct {
		Waiting *struct {
			Reason string `json:"reason"`
		} `json:"waiting"`
	} `json:"state"`
}

func readObject(raw []byte) (object, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, fmt.Errorf("not as its kind is: %w", err)
	}
	return o, nil
}

// finished tells whether an object will pull nothing any more: a Pod or a Job
// that has come to its end.
func (o *object) finished(kind string) bool {
	switch kind {
	case "Pod":
		return o.Status.Phase == corev1.PodSucceeded || o.Status.Phase == corev1.PodFailed
	case "Job":
		return slices.ContainsFunc(o.Status.Conditions, func(c condition) bool {
			return c.Status == metav1.ConditionTrue && (c.Type == "Complete" || c.Type == "Failed")
		})
	default:
		return false
	}
}

// containers returns what the kubelet says of all of a Pod's containers.
func (o *object) containers() []containerNow {
	return slices.Concat(o.Status.Init, o.Status.Containers, o.Status.Ephemeral)
}

// failsToPull tells whether the container waits for an image that its node could
// not get.
func (c *containerNow) failsToPull() bool {
	return c.State.Waiting != nil && stuck.Waits(c.State.Waiting.Reason)
}
