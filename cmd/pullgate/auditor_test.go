package main

import (
	"slices"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/wiring"
)

// counting notes reasons that are counted.
type counting struct {
	wiring.Observer
	reasons []pull.Reason
}

func (c *counting) Checked(_ string, reason pull.Reason) { c.reasons = append(c.reasons, reason) }

// What the auditor puts off for its budget is no check.
func TestPostponedIsNotCounted(t *testing.T) {
	counted := &counting{}
	o := observing{counted}
	for _, reason := range []pull.Reason{pull.TagNotFound, "Postponed", pull.ReasonPullable} {
		o.Checked("r.example", reason)
	}
	if want := []pull.Reason{pull.TagNotFound, pull.ReasonPullable}; !slices.Equal(counted.reasons, want) {
		t.Errorf("counted %v, want %v", counted.reasons, want)
	}
}
