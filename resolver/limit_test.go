package resolver

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/pullgate/pullgate/resolver/fair"
)

// Load tells how many questions are put to registries, and how many wait for room.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Resolver
		limit := &r.questions.limit
		var leaves []func()
		for range maxPerHost {
			leave, err := limit.enter(t.Context(), "a", false, fair.NewTicket(fmt.Sprint(len(leaves))), nil)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := limit.enter(ctx, "a", false, fair.NewTicket("last"), nil); err == nil {
				t.Error("one more has entered")
			}
		}()
		synctest.Wait()
		if got, want := r.Load(), (Load{Asking: maxPerHost, Waiting: 1, Namespaces: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		cancel()
		for _, leave := range leaves {
			leave()
		}
		synctest.Wait()
		if got := r.Load(); got != (Load{}) {
			t.Errorf("%+v in the end", got)
		}
	})
}
