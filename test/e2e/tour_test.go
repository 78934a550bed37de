package e2e

import (
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/tour"
)

// TestTour checks what `make demo` shows.
func TestTour(t *testing.T) {
	r := start(t, rig.Options{})
	if err := tour.Prepare(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	walker := tour.Walker{Rig: r}
	for _, step := range tour.Steps(r.Lab) {
		report, err := walker.Run(t.Context(), step)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range report.Faults {
			t.Errorf("%s\n$ %s\n%s%s\n%s", step.Title, step.Command(), step.Stdin, report.Result.Output, fault)
		}
	}
}
