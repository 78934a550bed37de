package explain

import (
	"time"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// APIVersion and Kind are what an explanation says of itself.
const (
	APIVersion = "pullgate.dev/v1alpha1"
	Kind       = "Explanation"
)

// State is how it stands with an object.
type State string

// The states, a closed set.
const (
	// Healthy: nothing is the matter with its images.
	Healthy State = "healthy"
	// Healed: it failed, and would work now.
	Healed State = "healed"
	// Broken: it fails until somebody mends it.
	Broken State = "broken"
	// Unknown: only the node can tell.
	Unknown State = "unknown"
)

// Explanation is the answer: what is the matter first, then how that is known,
// when it came about, and what to do. As JSON, fields are only ever added.
type Explanation struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Object     workload.Object `json:"object"`
	// Pod is the Pod that the answer is about; empty: there is none.
	Pod string `json:"pod,omitempty"`
	// sought: it is the worst of its namespace, and nobody named it.
	sought bool
	State  State `json:"state"`
	// Code is the reason of the catalogue, or a Cause that no registry has a
	// part in.
	Code   string `json:"code,omitempty"`
	Answer string `json:"answer"`
	// Image is the one that the answer is about.
	Image     string          `json:"image,omitempty"`
	Container string          `json:"container,omitempty"`
	Evidence  []Line          `json:"evidence"`
	Timeline  []Line          `json:"timeline"`
	Remedies  []advice.Remedy `json:"remedies"`
	Notes     []pull.Note     `json:"notes"`
	// Others is how many other Pods of the namespace wait for the same image, or
	// suffer from the same node.
	Others int `json:"others"`
	// Unread are what could not be read, and why.
	Unread []string `json:"unread"`
}

// Line is one thing that is known, and where it comes from.
type Line struct {
	// From is its source: "the kubelet said", "asked just now".
	From string `json:"from"`
	Text string `json:"text"`
	// At is when; nil: it is not told.
	At *time.Time `json:"at,omitempty"`
}
