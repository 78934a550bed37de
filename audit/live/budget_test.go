package live

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/audit/pace"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
)

// all are the times of all requests.
func (r *registry) all() (times []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.asked {
		times = append(times, one...)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}

// Every request counts against the budget of the host that it goes to, a mirror's
// and those for layers too; an image whose layers cost more than there can be room
// for is looked at without them.
func TestEveryRequestCounts(t *testing.T) {
	for name, test := range map[string]struct {
		mirror       string
		cost, layers int
		// images are looked at in half a day.
		images int
		want   string
	}{
		"a mirror":               {mirror: "mirror.example", cost: 3, images: 60, want: "pullgate_image_pullable"},
		"layers":                 {cost: 2, layers: 18, images: 20, want: "pullgate_image_pullable"},
		"too many layers":        {cost: 2, layers: 60, images: 10, want: "pullgate_image_pullable"},
		"more than there can be": {cost: 60, images: 5, want: "pullgate_image_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const budget = 40
				r := newRig(t, policy.Auditing{RequestsPerHour: budget})
				r.registry.mirror, r.registry.cost, r.registry.layers = test.mirror, test.cost, test.layers
				if asking, ok := r.engine.Resolver.(*resolver.Resolver); ok {
					asking.Layers = test.layers > 0
				}
				for i := range test.images {
					r.seen(deployment(fmt.Sprint("new-", i), fmt.Sprintf("r.example/new:%d", i)), false)
				}
				r.runFor(t, 15*time.Hour)
				asked := r.registry.all()
				for i := range asked {
					if j := i + budget; j < len(asked) && asked[j].Sub(asked[i]) < pace.Window {
						t.Fatalf("more than %d requests in the hour from %s", budget, asked[i])
					}
				}
				if len(asked) <= budget {
					t.Errorf("%d requests in all: the budget was never used up", len(asked))
				}
				if got, want := r.metrics(t, "audit_workloads_seen"), fmt.Sprint("pullgate_audit_workloads_seen ", test.images); got != want {
					t.Errorf("%s, want %s", got, want)
				}
				if got := r.metrics(t, test.want+"{"); got == "" {
					t.Errorf("no %s: %s", test.want, r.metrics(t, "image"))
				}
			})
		})
	}
}

// Layers are looked at with the first look and then once a day, with what is
// pullable.
func TestLayersOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, policy.Auditing{})
		r.registry.layers = 30
		if asking, ok := r.engine.Resolver.(*resolver.Resolver); ok {
			asking.Layers = true
		}
		r.seen(deployment("web", "r.example/web:1"), true)
		r.runFor(t, 7*24*time.Hour)
		if n := len(r.registry.all()) / 30; n < 7 || n > 9 {
			t.Errorf("%d looks at the layers in a week", n)
		}
	})
}
