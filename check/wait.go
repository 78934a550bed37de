package check

import (
	"context"
	"slices"
	"time"

	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
)

// MinWait is how long a registry is left alone about an image that it does not
// have: it gets at most one HEAD of each in so long.
const MinWait = 30 * time.Second

// Waiting has a Check look again for images that are not there yet, such as those
// that a pipeline pushes meanwhile.
type Waiting struct {
	// For is how long; less than MinWait is not to wait.
	For time.Duration
	// Once is what the Check's engines ask by: it forgets what was missing, and
	// nothing else.
	Once *OnceProber
	// Told is told before each pause what is missing, how long the pause is, and
	// how much of the time is left; may be nil.
	Told func(missing []report.Result, pause, left time.Duration)
}

// Await runs the check until nothing is missing any more, and returns what was
// found last. It ends when the time is over, when ctx ends, and at once where
// waiting cannot mend what the check fails for. The Check's Done is told of the
// first results alone.
func (c *Check) Await(ctx context.Context, in *Input, w Waiting) []report.Result {
	until := time.Now().Add(w.For)
	results := c.Run(ctx, in)
	for {
		missing, hopeless := missingOf(results)
		pause, left := MinWait*time.Duration(max(w.Once.most(), 1)), time.Until(until)
		if len(missing) == 0 || hopeless || pause > left {
			return results
		}
		if w.Told != nil {
			w.Told(missing, pause, left)
		}
		select {
		case <-ctx.Done():
			return results
		case <-time.After(pause):
		}
		w.Once.forgetMissing()
		c.Done = nil
		results = c.Run(ctx, in)
	}
}

// missingOf are the results on images that registries do not have, and tells
// whether the check fails for something else, too.
func missingOf(results []report.Result) (missing []report.Result, hopeless bool) {
	isMissing := func(r report.Result) bool { return r.Verdict == pull.Broken && r.Reason.NotFound() }
	hopeless = slices.ContainsFunc(results, func(r report.Result) bool { return r.Failed && !isMissing(r) })
	return slices.DeleteFunc(slices.Clone(results), func(r report.Result) bool { return !isMissing(r) }), hopeless
}
