// Package engine says what becomes of a workload: it knows when not to look,
// has the rest resolved, and decides. Every front asks it, so that they agree.
// It knows nothing of AdmissionReviews, manifests or reports.
package engine

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// Resolver finds out about a workload's images.
type Resolver interface {
	Resolve(ctx context.Context, w workload.Workload) resolver.Report
}

// Engine is what one configuration makes of the program. It is replaced as a
// whole when the configuration changes.
type Engine struct {
	Policy   policy.Configuration
	Kinds    *workload.Kinds
	Resolver Resolver
}

// Outcome is what became of a workload.
type Outcome struct {
	Report   resolver.Report
	Decision policy.Decision
}

// Review says what becomes of a workload that is created, or that is looked at
// as if it were. Where tells of its namespace.
func (e *Engine) Review(ctx context.Context, w workload.Workload, where policy.Where) Outcome {
	if outcome, skipped := e.Skip(w, where, workload.Create); skipped {
		return outcome
	}
	return e.Resolve(ctx, w, where)
}

// Skip is the outcome for a workload at which nobody has to look, if it is one:
// it is exempt, or its images were checked on the owner that creates it.
func (e *Engine) Skip(w workload.Workload, where policy.Where, operation workload.Operation) (outcome Outcome, skipped bool) {
	why, asked := w.Annotations[policy.SkipAnnotation]
	_, mirror := w.Annotations[corev1.MirrorPodAnnotationKey]
	switch {
	case e.Policy.ExemptNamespace(where.Namespace):
		return e.skip(w, where, pull.Exempt, "the configuration exempts the namespace"), true
	case !e.Policy.Looks(where):
		return e.skip(w, where, pull.Exempt, "the mode is off here"), true
	case operation == workload.Create && w.Controller != nil && e.Kinds.Checked(*w.Controller):
		return e.skip(w, where, pull.OwnedByController, "checked on the "+w.Controller.Kind+" that controls it"), true
	case mirror && w.Object.Kind == "Pod": // to refuse it stops nothing, and hides the Pod
		return e.skip(w, where, pull.Exempt, "a mirror Pod shows what a kubelet runs from a file"), true
	case asked && e.Policy.AllowSkipAnnotation:
		return e.skip(w, where, pull.Exempt, policy.SkipAnnotation+": "+why), true
	default:
		return Outcome{}, false
	}
}

// Unchanged is the outcome for a workload of which an update leaves images, pull
// secrets and accounts as they were.
func (e *Engine) Unchanged(w workload.Workload, where policy.Where) Outcome {
	return e.skip(w, where, pull.Unchanged, "no image, pull secret or service account is new")
}

// Resolve looks at all images but those that the configuration exempts, and
// decides.
func (e *Engine) Resolve(ctx context.Context, w workload.Workload, where policy.Where) Outcome {
	if len(e.Policy.Exempt.Images) == 0 {
		report := e.Resolver.Resolve(ctx, w)
		return Outcome{Report: report, Decision: e.Policy.Decide(report, where)}
	}
	checked, exempt := w, w
	checked.Templates, exempt.Templates = nil, nil
	for _, t := range w.Templates {
		out, in := t, t
		out.Images = only(t.Images, e.exemptImage)
		in.Images = only(t.Images, func(i workload.Image) bool { return !e.exemptImage(i) })
		exempt.Templates = append(exempt.Templates, out)
		checked.Templates = append(checked.Templates, in)
	}
	report := resolver.Skip(exempt, pull.Exempt, "the configuration exempts the image")
	if len(report.Results) < count(w) {
		report.Results = append(report.Results, e.Resolver.Resolve(ctx, checked).Results...)
	}
	return Outcome{Report: report, Decision: e.Policy.Decide(report, where)}
}

func (e *Engine) exemptImage(image workload.Image) bool { return e.Policy.ExemptImage(image.Reference) }

// only returns the images for which something holds.
func only(images []workload.Image, holds func(workload.Image) bool) []workload.Image {
	return slices.DeleteFunc(slices.Clone(images), func(i workload.Image) bool { return !holds(i) })
}

func count(w workload.Workload) int {
	n := 0
	for _, t := range w.Templates {
		n += len(t.Images)
	}
	return n
}

// skip is the outcome where no registry is asked.
func (e *Engine) skip(w workload.Workload, where policy.Where, reason pull.Reason, message string) Outcome {
	report := resolver.Skip(w, reason, message)
	return Outcome{Report: report, Decision: e.Policy.Decide(report, where)}
}
