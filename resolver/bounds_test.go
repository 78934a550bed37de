package resolver

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// After 100,000 different images, each of a registry and with a pull secret of its
// own, no more is kept than there is room for, and nothing of what was under way.
func TestHundredThousand(t *testing.T) {
	const kept = 10_000
	from := shop(map[string]*corev1.Secret{})
	resolver := newResolver(from, &registries{answers: map[string]pull.Reason{}})
	resolver.Registry = newHangs("", 0)
	resolver.Cache, resolver.GivesUp = NewCache(kept, time.Hour), true
	for i := range 100_000 {
		name, host := fmt.Sprintf("s%d", i), fmt.Sprintf("r%d.example.com", i)
		from.secrets["shop/"+name] = pullSecret(host, "ann")
		if got := resolver.Resolve(t.Context(), deployment([]string{name}, host+"/app:1")).Results[0]; got.Reason != pull.ReasonPullable {
			t.Fatalf("%s: %s", host, got.Message)
		}
		delete(from.secrets, "shop/"+name)
	}
	limit := &resolver.questions.limit
	if load := resolver.Load(); load.Kept > kept || load.Asking+load.Waiting != 0 || load.KeptBytes > maxRemembered {
		t.Errorf("%+v", load)
	}
	if names, breakers := resolver.names.kept.Len(), limit.breakers.Len(); names > maxNames || breakers > maxBreakers || len(limit.hosts) != 0 {
		t.Errorf("%d names, %d breakers, %d registries", names, breakers, len(limit.hosts))
	}
}
