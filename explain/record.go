package explain

import (
	"strings"
	"time"

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
	// Sought says that nobody named the Pod: it is the worst of its namespace.
	Sought bool
	// Template is the object itself where there is no Pod, as the API server
	// has it; nil where there is one.
	Template []byte
	// Spec is the Pod's, or the one in the template; nil where neither was read.
	Spec *corev1.PodSpec
	// Node is the Pod's; nil where it has none or it could not be read.
	Node *corev1.Node
	// Events are those of the Pod, or of the object, the oldest first.
	Events []corev1.Event
	// Pulls are the events of pulls of the other Pods, the oldest first.
	Pulls []corev1.Event
	// Owner is the topmost controller of the Pod, which people change; the zero
	// value where nobody controls it. OwnerMeta is its metadata.
	Owner     workload.Object
	OwnerMeta *metav1.ObjectMeta
	// Revisions are the topmost controller's earlier templates, the latest first.
	Revisions []Revision
	// Parts are the Pod's pull secrets and its ServiceAccount.
	Parts []Part
	// Idle says why a controller makes no Pods for now.
	Idle Idle
	// Conditions say of a controller why it makes no Pods.
	Conditions []Condition
	// Neighbours are the other Pods of the namespace.
	Neighbours []corev1.Pod
	// Unread are what could not be read, and why; one line each.
	Unread []string
	// At is when it was read.
	At time.Time
}

// Idle is why a controller makes no Pods for now, and when it will.
type Idle struct {
	// Schedule and TimeZone are a CronJob's.
	Schedule, TimeZone string
	// Suspended: it is not to make any; Zero: none are wanted.
	Suspended, Zero bool
}

// Revision is a pod template that a controller had or has.
type Revision struct {
	At   time.Time
	Spec corev1.PodSpec
}

// Part is what a Pod gets credentials by. No value of a secret is in it.
type Part struct {
	// Kind is Secret or ServiceAccount.
	Kind string
	Meta metav1.ObjectMeta
	// Type is a Secret's.
	Type corev1.SecretType
}

// String is the part as kubectl names it.
func (p Part) String() string { return strings.ToLower(p.Kind) + "/" + p.Meta.Name }

// Condition is one of a controller's, of whatever kind.
type Condition struct {
	Type, Reason, Message string
	At                    time.Time
}
