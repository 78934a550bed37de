package explain

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// TestTemplates: of what has no Pod it is said when it hurts, of a CronJob as a time.
func TestTemplates(t *testing.T) {
	for _, test := range []struct {
		kind string
		idle Idle
		want string
	}{
		{"CronJob", Idle{Schedule: "30 16 * * *", TimeZone: "Europe/Berlin"}, "it hurts at the CronJob's next time: 2026-11-01T16:30:00+01:00 (30 16 * * * Europe/Berlin)"},
		{"CronJob", Idle{Schedule: "30 13 * * *"}, "it hurts at the CronJob's next time: 2026-11-02T13:30:00Z, if the controller manager goes by UTC (30 13 * * *)"},
		{"CronJob", Idle{Schedule: "30 16 * * *", Suspended: true}, "it hurts when the CronJob is suspended no longer"},
		{"Deployment", Idle{Zero: true}, "it hurts when it is scaled up: it has no replicas"},
		{"Deployment", Idle{}, "it hurts with the next Pod"},
	} {
		r := &Record{Object: workload.Object{Kind: test.kind, Namespace: "shop", Name: "web"}, Spec: &waitingPod("", "").Spec, Idle: test.idle, At: now}
		if e := Explain(r, resultOf(pull.TagNotFound)); e.State != Broken || !strings.HasSuffix(e.Answer, "; "+test.want) {
			t.Errorf("got %s: %s, want %s", e.State, e.Answer, test.want)
		}
	}
}
