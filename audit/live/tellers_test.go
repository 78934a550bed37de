package live

import (
	"log/slog"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/pullgate/pullgate/policy"
)

// What is switched off is not told.
func TestTellersAreSwitchedOff(t *testing.T) {
	a := &Auditor{Mapper: meta.NewDefaultRESTMapper(nil), Log: slog.New(slog.DiscardHandler)} // no Reports are served
	for _, on := range []bool{true, false} {
		off := false
		events, all := a.tellers(t.Context(), &setting{Auditing: policy.Auditing{Events: &on, Reports: &off}})
		if (events != nil) != on || (len(all) == 1) != on {
			t.Errorf("events %t: told to %v", on, all)
		}
	}
}
