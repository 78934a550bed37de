package tell

import (
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// maxText is how long a message may be, in bytes: an Event takes no more
// (Kubernetes pkg/apis/core/validation/events.go), and Reports are to be small.
const maxText = 1024

// Workload is what there is to tell of one.
type Workload struct {
	workload.Object
	UID types.UID
	// Findings are the images that are not pullable, over two looks at least.
	Findings []Finding
	// Notices are what is worth knowing of it besides.
	Notices []Notice
	// Sound says that the last look found all images pullable; without it and
	// without Findings nothing is known for certain.
	Sound bool
}

// Finding is what was found out about an image.
type Finding struct {
	Container, Image string
	// Verdict is broken or unknown.
	Verdict pull.Verdict
	Reason  pull.Reason
	// Message and Hint are for people, and may be empty.
	Message, Hint string
	// When is when it keeps Pods from running, in a word, and Hurts in words; empty:
	// it does not.
	When, Hurts string
}

// Notice is what is worth knowing of a workload whose images can be pulled now.
type Notice struct {
	Reason pull.NoteReason
	// Container is empty where it is not about one; Image is what it is about.
	Container, Image string
	Message          string
}

// shortened bounds a text, without breaking a rune.
func shortened(text string, limit int) string {
	const end = "…"
	if len(text) <= limit {
		return text
	}
	if limit < len(end) {
		return ""
	}
	return strings.ToValidUTF8(text[:limit-len(end)], "") + end
}
