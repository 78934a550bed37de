// Package resolver finds out, for every image of a workload, whether the nodes
// could pull it: it brings together the workload's images, the credentials
// that the kubelet would use, and what the registries say, bounded, shared and
// within a deadline. It knows nothing of modes or admission.
package resolver

import (
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// Report is what was found out about one workload.
type Report struct {
	Object  workload.Object
	Results []Result
}

// Result is what was found out about one use of an image.
type Result struct {
	// Image is the use of the image, with its field.
	Image workload.Image
	// Resolved is the reference as the node reads it, with its registry and
	// tag; empty where it cannot be parsed.
	Resolved string
	// Digest is that of the manifest or index, where it was learnt.
	Digest string
	// Verdict follows from Reason.
	Verdict pull.Verdict
	Reason  pull.Reason
	// Summary says what is the matter in a few words.
	Summary string
	// Message is the summary, what the registry said and which credentials
	// were tried, in one line.
	Message string
	// Node is what the kubelet would report, where that is known.
	Node string
	// Hint is a thing to do, in one sentence; may be empty.
	Hint string
	// Suggestions are references that would work or nearly so.
	Suggestions []string
	// Credentials are those that match, in the order in which they are tried.
	Credentials []pull.Attempt
	// Notes are worth knowing and decide nothing.
	Notes []pull.Note
}

// Evidence is what the message says besides the summary.
func (r Result) Evidence() string {
	evidence := strings.TrimPrefix(r.Message, r.Summary)
	for _, separator := range []string{": ", "; ", ", "} {
		if rest, cut := strings.CutPrefix(evidence, separator); cut {
			return rest
		}
	}
	return evidence
}

// usedAs is what was found out about an image, for one of its uses. A volume
// that no container mounts keeps none from starting: the kubelet heeds what
// became of its image where it is mounted (Kubernetes
// pkg/kubelet/kuberuntime/kuberuntime_manager.go, toKubeContainerImageVolumes).
// Without a reference there is no Pod to start (pkg/apis/core/validation/
// validation.go, validateImageVolumeSource).
func (r Result) usedAs(image workload.Image) Result {
	r.Image = image
	var what string
	switch {
	case image.Role != workload.Volume, image.Mounted, image.Reference == "", r.Verdict == pull.Pullable, r.Verdict == pull.Skipped:
		return r
	case r.Verdict == pull.Broken:
		what = "no container mounts this volume, but one that did would fail: "
	default:
		what = "no container mounts this volume, but one that did might fail: "
	}
	what += r.Summary
	if r.Hint != "" {
		what += "; " + r.Hint
	}
	if evidence := r.Evidence(); evidence != "" {
		what += " [" + evidence + "]"
	}
	r.Notes = append([]pull.Note{{Reason: pull.VolumeNotMounted, Message: what}}, r.Notes...)
	r.Verdict, r.Reason = pull.Skipped, pull.Exempt
	r.Summary = "no container mounts the volume, so that the Pod starts without it"
	r.Message, r.Node, r.Hint = r.Summary, "", ""
	return r
}

// Skip returns a report that says of every image why nobody looked.
func Skip(w workload.Workload, reason pull.Reason, message string) Report {
	report := Report{Object: w.Object}
	for _, template := range w.Templates {
		for _, image := range template.Images {
			report.Results = append(report.Results, Result{
				Image: image, Verdict: reason.Verdict(), Reason: reason, Summary: message, Message: message,
			})
		}
	}
	return report
}
