package explain

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/workload"
)

// Record is all that was read about one object.
type Record struct {
	// Object is what was asked about.
	Object workload.Object
	// Meta is its metadata; nil where it could not be read.
	Meta *metav1.ObjectMeta
	// Pod is the Pod that the answer is about, the worst of the object's; nil:
	// there is none.
	Pod *corev1.Pod
	// Template is the object itself where there is no Pod, as the API server
	// has it; nil where there is one.
	Template []byte
	// Events are those of the Pod, or of the object, the oldest first.
	Events []corev1.Event
	// Pulls are the events of pulls of the other Pods, the oldest first.
	Pulls []corev1.Event
	// Owner is the topmost controller of the Pod, which people change; the zero
	// value where nobody controls it. OwnerMeta is its metadata.
	Owner     workload.Object
	OwnerMeta *metav1.ObjectMeta
	// Revisions are the ReplicaSets of a Deployment, the latest first.
	Revisions []appsv1.ReplicaSet
	// Conditions say of a controller why it makes no Pods.
	Conditions []Condition
	// Neighbours are the other Pods of the namespace.
	Neighbours []corev1.Pod
	// Unread are what could not be read, and why; one line each.
	Unread []string
	// At is when it was read.
	At time.Time
}

// Condition is one of a controller's, of whatever kind.
type Condition struct {
	Type, Reason, Message string
	At                    time.Time
}

// sortEvents puts the oldest first.
func sortEvents(events []corev1.Event) {
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return eventTime(&a).Compare(eventTime(&b)) })
}

// eventTime is when an event came last: series and newer recorders leave
// LastTimestamp empty.
func eventTime(e *corev1.Event) time.Time {
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
