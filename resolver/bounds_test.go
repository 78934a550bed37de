package resolver

import (
	"fmt"
	"testing"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

// After 100,000 different images, each of a registry of its own, no more is kept than
// there is room for, and nothing of what was under way.
func TestHundredThousand(t *testing.T) {
	const kept, workloads, images = 10_000, 1000, 100
	resolver := newResolver(shop(nil), newHangs("", 0))
	resolver.Cache, resolver.GivesUp = NewCache(kept, time.Hour), true
	for i := range workloads {
		report := resolver.Resolve(t.Context(), deployment(nil, many(images, fmt.Sprintf("r%d-%%d.example.com/app:1", i))...))
		for _, got := range report.Results {
			if got.Reason != pull.ReasonPullable {
				t.Fatalf("%s: %s", got.Image.Reference, got.Message)
			}
		}
	}
	limit := &resolver.questions.limit
	if load := resolver.Load(); load.Kept > kept || load.Asking+load.Waiting != 0 || load.KeptBytes > maxRemembered {
		t.Errorf("%+v", load)
	}
	if names, breakers := resolver.names.kept.Len(), limit.breakers.Len(); names > maxNames || breakers > maxBreakers || len(limit.hosts) != 0 {
		t.Errorf("%d names, %d breakers, %d registries", names, breakers, len(limit.hosts))
	}
}
