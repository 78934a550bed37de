package report

import (
	"fmt"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxApart is of how many images of a registry it is said one by one that
// nothing is known of them, for the same reason.
const maxApart = 3

// fate is what befell an image, so that equal ones can be told of once.
type fate struct {
	// image is empty for those of a registry of which nothing is known.
	image, registry, message, hint, notes string
	reason                                pull.Reason
	action                                policy.Action
	mode                                  policy.Mode
	failed                                bool
}

func fateOf(r *Result) fate {
	return fate{
		image: r.Image, message: r.Message, hint: r.Hint, notes: fmt.Sprint(r.Notes),
		reason: r.Reason, action: r.Action, mode: r.Mode, failed: r.Failed,
	}
}

// outageOf is the fate that an image has in common with others of its registry.
// The messages may differ in what was asked for.
func outageOf(r *Result) fate {
	return fate{registry: registryOf(r), reason: r.Reason, action: r.Action, mode: r.Mode, failed: r.Failed}
}

// fold puts together the uses of one image that met the same fate, and those of
// all images of a registry that gives no answers. It keeps the order.
func fold(rows []*Result) [][]*Result {
	outages := map[fate]map[string]bool{}
	for _, row := range rows {
		if row.Verdict != pull.Unknown {
			continue
		}
		outage := outageOf(row)
		if outages[outage] == nil {
			outages[outage] = map[string]bool{}
		}
		outages[outage][row.Image] = true
	}
	var groups [][]*Result
	at := map[fate]int{}
	for _, row := range rows {
		key := fateOf(row)
		if row.Verdict == pull.Unknown && len(outages[outageOf(row)]) > maxApart {
			key = outageOf(row)
		}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], row)
	}
	return groups
}

// imagesOf counts the different images of a group.
func imagesOf(group []*Result) int {
	images := map[string]bool{}
	for _, row := range group {
		images[row.Image] = true
	}
	return len(images)
}

// titleOf is what a group is about: an image, or those of a registry.
func titleOf(group []*Result) string {
	if images := imagesOf(group); images > 1 {
		return fmt.Sprintf("%d images of %s", images, registryOf(group[0]))
	}
	return group[0].Image
}
