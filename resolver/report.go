package resolver

import (
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
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
	// Words are what people read of it.
	wording.Words
	// Suggestions are references that would work or nearly so.
	Suggestions []string
	// Credentials are those that match, in the order in which they are tried.
	Credentials []pull.Attempt
	// Notes are worth knowing and decide nothing.
	Notes []pull.Note
}

// usedAs is what was found out about an image, for one of its uses. A volume
// that no container mounts keeps none from starting: the kubelet heeds what
// became of its image where it is mounted (Kubernetes
// pkg/kubelet/kuberuntime/kuberuntime_manager.go, toKubeContainerImageVolumes).
// Without a reference there is no Pod to start (pkg/apis/core/validation/
// validation.go, validateImageVolumeSource).
func (r Result) usedAs(image workload.Image) Result {
	r.Image = image
	if image.Role != workload.Volume || image.Mounted || image.Reference == "" || r.Verdict == pull.Pullable || r.Verdict == pull.Skipped {
		return r
	}
	words, note := wording.Unmounted(r.Words, r.Verdict == pull.Broken)
	r.Verdict, r.Reason, r.Words = pull.Skipped, pull.Exempt, words
	r.Notes = append([]pull.Note{note}, r.Notes...)
	return r
}

// Skip returns a report that says of every image why nobody looked.
func Skip(w workload.Workload, reason pull.Reason, message string) Report {
	report := Report{Object: w.Object}
	for _, template := range w.Templates {
		for _, image := range template.Images {
			report.Results = append(report.Results, Result{
				Image: image, Verdict: reason.Verdict(), Reason: reason, Words: wording.Plain(message),
			})
		}
	}
	return report
}
