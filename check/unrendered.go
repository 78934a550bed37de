package check

import (
	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

const (
	notRendered = "not rendered: the image's name is a placeholder, and was not looked up"
	renderFirst = "check what it will be: as in `helm template . | pullgate check -f -`, or behind envsubst, ko resolve or what else fills it in"
)

// rendered parts a workload: what of it names images, and what only holds
// places for names. Admission never sees these: they are filled in before.
func (f *found) rendered() (named, unrendered workload.Workload) {
	named, unrendered = f.Workload, f.Workload
	if f.object == nil { // who wrote it on the command line means it
		return named, workload.Workload{}
	}
	named.Templates, unrendered.Templates = nil, nil
	for _, t := range f.Templates {
		with, without := t, t
		with.Images, without.Images = nil, nil
		for _, image := range t.Images {
			if workload.Unfilled(image.Reference) {
				without.Images = append(without.Images, image)
			} else {
				with.Images = append(with.Images, image)
			}
		}
		if len(without.Images) > 0 {
			unrendered.Templates = append(unrendered.Templates, without)
		}
		named.Templates = append(named.Templates, with)
	}
	return named, unrendered
}

// skipUnrendered is the outcome for places for names.
func skipUnrendered(e *engine.Engine, unrendered workload.Workload, where policy.Where) engine.Outcome {
	skipped := resolver.Skip(unrendered, pull.Exempt, notRendered)
	for i := range skipped.Results {
		skipped.Results[i].Hint = renderFirst
	}
	return engine.Outcome{Report: skipped, Decision: e.Policy.Decide(skipped, where)}
}
