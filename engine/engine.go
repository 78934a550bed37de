package engine

import (
	"context"
	"slices"

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
	// Self is the namespace in which Pullgate runs, where Admit never looks;
	// empty: it runs in none.
	Self string
	// Labels returns a Namespace's labels for Admit; nil: nothing is known of
	// them.
	Labels func(ctx context.Context, namespace string) (map[string]string, error)
}

// Outcome is what became of a workload.
type Outcome struct {
	Report   resolver.Report
	Decision policy.Decision
	// Trouble says why nothing was looked at although it should have been: a
	// reason for a warning.
	Trouble string
	// WrongLabel is what the Namespace's mode label says if that is no mode.
	WrongLabel string
	// Unlabelled is why the Namespace's labels are not known.
	Unlabelled error
}

// Review says what becomes of a workload that is created, or that is looked at
// as if it were. Where tells of its namespace.
func (e *Engine) Review(ctx context.Context, w workload.Workload, where policy.Where) Outcome {
	if why, pass := e.passes(w, where, workload.Create); pass {
		return e.skip(w, where, why)
	}
	return e.resolve(ctx, w, where)
}

// resolve looks at all images but those that the configuration exempts, and
// decides.
func (e *Engine) resolve(ctx context.Context, w workload.Workload, where policy.Where) Outcome {
	if len(e.Policy.Exempt.Images) == 0 {
		return e.decide(e.Resolver.Resolve(ctx, w), where)
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
	if len(report.Results) < w.CountImages() {
		report.Results = append(report.Results, e.Resolver.Resolve(ctx, checked).Results...)
	}
	return e.decide(report, where)
}

func (e *Engine) exemptImage(image workload.Image) bool { return e.Policy.ExemptImage(image.Reference) }

// only returns the images for which something holds.
func only(images []workload.Image, holds func(workload.Image) bool) []workload.Image {
	return slices.DeleteFunc(slices.Clone(images), func(i workload.Image) bool { return !holds(i) })
}

// skip is the outcome where no registry is asked.
func (e *Engine) skip(w workload.Workload, where policy.Where, why pass) Outcome {
	return e.decide(resolver.Skip(w, why.reason, why.message), where)
}

func (e *Engine) decide(report resolver.Report, where policy.Where) Outcome {
	return Outcome{Report: report, Decision: e.Policy.Decide(report, where)}
}
