package check

import (
	"fmt"

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
// places for names. Admission never sees these: they are filled in before. What
// may be a patch names no image where it changes none.
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
			switch {
			case workload.Unfilled(image.Reference):
				without.Images = append(without.Images, image)
			case f.object.Loose && image.Reference == "": // a patch
			default:
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

// unrenderedWarning counts the places for names in a line; none where there are
// none.
func unrenderedWarning(workloads []found) []string {
	n, first := 0, ""
	for i := range workloads {
		_, unrendered := workloads[i].rendered()
		for _, t := range unrendered.Templates {
			if n == 0 {
				first = workloads[i].object.Find(t.Images[0].Field, t.Images[0].Reference).String()
			}
			n += len(t.Images)
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s not rendered, and skipped: placeholders stand in the place of names, first in %s; %s", are(n, "image"), first, renderFirst)}
}

// are says how many there are of something.
func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

// skipUnrendered is the outcome for places for names.
func skipUnrendered(e *engine.Engine, unrendered workload.Workload, where policy.Where) engine.Outcome {
	skipped := resolver.Skip(unrendered, pull.Exempt, notRendered)
	for i := range skipped.Results {
		skipped.Results[i].Hint = renderFirst
	}
	return engine.Outcome{Report: skipped, Decision: e.Policy.Decide(skipped, where)}
}
