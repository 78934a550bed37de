package resolver

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Whatever is remembered, shared and asked at the same time, nobody is told of
// an image what another's credential got: in 50,000 mixed checks of 8 tenants,
// of whom each may read a half of 40 images, none is answered wrongly.
func TestAnswersAreNobodyElses(t *testing.T) {
	const tenants, images, workers, checks = 8, 40, 50, 1000
	may := func(tenant, image int) bool { return (tenant+image)%2 == 0 }
	secrets, answers := map[string]*corev1.Secret{}, map[string]pull.Reason{}
	for tenant := range tenants {
		user := fmt.Sprintf("tenant-%d", tenant)
		secrets[user] = pullSecret("reg.example.com", user)
		for image := range images {
			reason := pull.CredentialsRejected
			if may(tenant, image) {
				reason = pull.ReasonPullable
			}
			answers[fmt.Sprintf("reg.example.com/app-%d:1 as %s", image, user)] = reason
		}
	}
	resolver, _, _ := remembering(shop(secrets), answers)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range checks {
				tenant, image := random.IntN(tenants), random.IntN(images)
				w := deployment([]string{fmt.Sprintf("tenant-%d", tenant)}, fmt.Sprintf("reg.example.com/app-%d:1", image))
				if got := resolver.Resolve(t.Context(), w).Results[0]; (got.Reason == pull.ReasonPullable) != may(tenant, image) {
					t.Errorf("tenant %d, image %d: %s", tenant, image, got.Reason)
				}
			}
		})
	}
	group.Wait()
}
