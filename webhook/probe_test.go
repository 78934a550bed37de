package webhook

import (
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/probe"
)

// TestProbe: a dry run with the label is answered in every mode, and decided as
// it would be without. What is no dry run is not answered.
func TestProbe(t *testing.T) {
	labelled := func(image string) string {
		return strings.Replace(deployment(image), `"name":"web"`, `"name":"web","labels":{"pullgate.dev/doctor":"t1"}`, 1)
	}
	for _, mode := range []policy.Mode{policy.Enforce, policy.Warn, policy.Audit, policy.Off} {
		for _, image := range []string{"app:tagnotfound", "app:1"} {
			t.Run(string(mode)+" "+image, func(t *testing.T) {
				rig := newRig(t, func(c *policy.Configuration) { c.Mode = mode })
				want := probe.Answer{Token: "t1", Mode: string(mode)}
				got, plain := rig.ask(t, creation(labelled(image), dryRun)), rig.ask(t, creation(deployment(image), dryRun))
				if !slices.ContainsFunc(got.Warnings, func(text string) bool { answer, ok := probe.Read(text); return ok && answer == want }) {
					t.Errorf("the warnings are %q", got.Warnings)
				}
				if got.Allowed != plain.Allowed || len(got.Warnings) != len(plain.Warnings)+1 {
					t.Errorf("allowed %t, with %q, without the label %t, with %q", got.Allowed, got.Warnings, plain.Allowed, plain.Warnings)
				}
				real := rig.ask(t, creation(labelled(image)))
				if real.Allowed != plain.Allowed || len(real.Warnings) != len(plain.Warnings) {
					t.Errorf("what is no dry run: allowed %t, warnings %q", real.Allowed, real.Warnings)
				}
			})
		}
	}
}
