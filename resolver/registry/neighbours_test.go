package registry

import (
	"context"
	"sync"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// While a token server gives nothing to many who wait for its token, another
// registry's gives, and its images are read. Who waits here waits without end.
func TestTokenServerThatHangs(t *testing.T) {
	slow, well := newRig(t), newRig(t)
	slow.bearer(bearer{post: slow.hang})
	well.bearer(bearer{})
	for _, r := range []*rig{slow, well} {
		r.single("app", "1", "linux/amd64")
	}
	c := client(t, "")
	ctx, giveUp := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 500 {
		group.Go(func() { c.Probe(ctx, pull.Query{Image: slow.image("app:1"), Credential: right()}) })
	}
	<-slow.hung
	for range 3 {
		if found := c.Probe(t.Context(), pull.Query{Image: well.image("app:1"), Credential: right()}); found.Reason != pull.ReasonPullable {
			t.Errorf("another registry's: %+v", found)
		}
	}
	giveUp()
	group.Wait()
}
