package audit

import (
	"time"

	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// byCronJob is what says when a CronJob makes a Pod; nil: it is none.
func (s *subject) byCronJob() *imminence.CronJob {
	if s.Object.Kind != "CronJob" {
		return nil
	}
	return &imminence.CronJob{Schedule: s.Spec.Schedule, TimeZone: s.Spec.TimeZone, Suspended: s.Spec.Suspend}
}

// foresee says when an image that cannot be pulled will hurt, and that a tag has
// moved.
func (s *subject) foresee(result *resolver.Result, use imminence.Use) (notes []pull.Note) {
	if imminence.Hurts(result.Verdict, result.Reason) {
		by := s.byCronJob()
		notes = append(notes, pull.Note{Reason: pull.Imminence, Message: use.Words(use.Moment(result.Image.Policy, by), by, time.Now())})
	}
	if moved := use.Moved(result.Verdict, result.Resolved, result.Digest); moved != "" {
		notes = append(notes, pull.Note{Reason: pull.TagMoved, Message: moved})
	}
	return notes
}
