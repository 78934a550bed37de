package resolver

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// patience is what an admission has.
const patience = 9 * time.Second

// hangs is a registry of which one host answers nothing while it hangs, and the
// others after a moment.
type hangs struct {
	registries
	hanging atomic.Bool
	asked   atomic.Int64
}

func newHangs(host string, moment time.Duration) *hangs {
	h := &hangs{}
	h.hanging.Store(true)
	h.during = func(ctx context.Context, query pull.Query) *pull.Finding {
		if reference.Domain(query.Image) != host {
			time.Sleep(moment)
			return &pull.Finding{Reason: pull.ReasonPullable}
		}
		h.asked.Add(1)
		if !h.hanging.Load() {
			return &pull.Finding{Reason: pull.ReasonPullable}
		}
		<-ctx.Done()
		return &pull.Finding{Reason: pull.Timeout}
	}
	return h
}

// admit resolves one image, with the patience of an admission.
func admit(t *testing.T, r *Resolver, namespace, image string) (Result, time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w, start := deployment(nil, image), time.Now()
	w.Object.Namespace = namespace
	return r.Resolve(ctx, w).Results[0], time.Since(start)
}

// While 500 admissions hang on one registry another's are answered as ever; in
// half of the API server's patience the bad one is given up, and what is asked
// of it is unknown at once; when it answers again that shows within seconds. No
// denial comes of any of it.
func TestBadRegistrySlowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const moment = 20 * time.Millisecond
		registry := newHangs("hangs.example.com", moment)
		resolver := newResolver(shop(nil), registry)
		resolver.GivesUp = true
		var group sync.WaitGroup
		var early atomic.Int64
		for i := range 500 {
			group.Go(func() {
				result, took := admit(t, resolver, "shop", fmt.Sprintf("hangs.example.com/app:%d", i))
				if result.Verdict != pull.Unknown || took > patience+lastWords {
					t.Errorf("%s after %s", result.Reason, took)
				}
				if took <= lateAfter {
					early.Add(1)
				}
			})
		}
		synctest.Wait()
		for i := range 300 {
			if result, took := admit(t, resolver, fmt.Sprint(i%3), fmt.Sprintf("well.example.com/app:%d", i)); result.Reason != pull.ReasonPullable || took > 2*moment {
				t.Fatalf("%s after %s", result.Reason, took)
			}
		}
		group.Wait()
		if early.Load() != 500-maxHostShare {
			t.Errorf("%d had their answer early", early.Load())
		}
		go admit(t, resolver, "shop", "hangs.example.com/app:tries")
		synctest.Wait()
		result, took := admit(t, resolver, "shop", "hangs.example.com/app:new")
		if result.Reason != pull.RegistryUnreachable || took > 0 || !strings.Contains(result.Message, "asked by one question") {
			t.Errorf("%s (%s) after %s", result.Reason, result.Message, took)
		}
		if load := resolver.Load(); load.Unasked == 0 || load.Asking != 1 || load.Waiting != 0 {
			t.Errorf("load %+v", load)
		}
		registry.hanging.Store(false)
		time.Sleep(patience)
		admit(t, resolver, "shop", "hangs.example.com/app:tries-again")
		for i := range 100 {
			if result, took := admit(t, resolver, "shop", fmt.Sprintf("hangs.example.com/again:%d", i)); result.Reason != pull.ReasonPullable || took > moment {
				t.Fatalf("%s after %s, though it answers again", result.Reason, took)
			}
		}
	})
}

// A registry that is given up is asked by one question every few seconds.
func TestGivenUpIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := newHangs("hangs.example.com", 0)
		resolver := newResolver(shop(nil), registry)
		resolver.GivesUp = true
		for i := range maxUnanswered {
			go admit(t, resolver, "shop", fmt.Sprintf("hangs.example.com/app:%d", i))
		}
		time.Sleep(lateAfter)
		synctest.Wait()
		before := registry.asked.Load()
		const minute = 60
		for i := range 10 * minute {
			go admit(t, resolver, "shop", fmt.Sprintf("hangs.example.com/more:%d", i))
			time.Sleep(100 * time.Millisecond)
		}
		if tried := registry.asked.Load() - before; tried < 15 || tried > minute*int64(time.Second)/int64(retryAfter) {
			t.Errorf("tried %d times in a minute", tried)
		}
		time.Sleep(time.Minute)
	})
}

// Askers who leave early say nothing of a registry, nor do refusals; and one
// answer makes good for all that were owed.
func TestWhatGivesNobodyUp(t *testing.T) {
	for name, during := range map[string]func(ctx context.Context, n int64) *pull.Finding{
		"askers leave": func(ctx context.Context, _ int64) *pull.Finding {
			<-ctx.Done()
			return &pull.Finding{Reason: pull.Timeout}
		},
		"refusals": func(context.Context, int64) *pull.Finding { return &pull.Finding{Reason: pull.CredentialsRequired} },
		"limits":   func(context.Context, int64) *pull.Finding { return &pull.Finding{Reason: pull.RateLimited} },
		"an answer in between": func(_ context.Context, n int64) *pull.Finding {
			if n%maxUnanswered == 0 {
				return &pull.Finding{Reason: pull.ReasonPullable}
			}
			return &pull.Finding{Reason: pull.RegistryUnreachable}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				resolver := newResolver(shop(nil), &registries{during: func(ctx context.Context, _ pull.Query) *pull.Finding { return during(ctx, asked.Add(1)) }})
				resolver.GivesUp = true
				for i := range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					resolver.Resolve(ctx, deployment(nil, fmt.Sprintf("reg.example.com/app:%d", i)))
					cancel()
				}
				if unasked := resolver.Load().Unasked; unasked != 0 {
					t.Errorf("%d were not asked", unasked)
				}
			})
		})
	}
}

// One namespace that asks without end keeps no other waiting for more than one
// round of answers.
func TestNamespacesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const moment = 50 * time.Millisecond
		resolver := newResolver(shop(nil), newHangs("", moment))
		var stopped atomic.Bool
		for i := range 2000 {
			go func() {
				for turn := 0; !stopped.Load(); turn++ {
					admit(t, resolver, "greedy", fmt.Sprintf("reg.example.com/bad:%d-%d", i, turn))
				}
			}()
		}
		time.Sleep(time.Second)
		for i := range 200 {
			if result, took := admit(t, resolver, "modest", fmt.Sprintf("reg.example.com/app:%d", i)); result.Reason != pull.ReasonPullable || took > 2*moment {
				t.Fatalf("%s after %s", result.Reason, took)
			}
		}
		stopped.Store(true)
		synctest.Wait()
		time.Sleep(time.Minute)
	})
}

// Nor does it where both ask the same: what the one has put into its own long
// queue, the other waits for in its own turn.
func TestSharedQuestionsTakeTheBestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const moment, images = 50 * time.Millisecond, 2000
		image := func(i int) string { return fmt.Sprintf("reg.example.com/app:%d", i) }
		resolver := newResolver(shop(nil), newHangs("", moment))
		for i := range images {
			go admit(t, resolver, "greedy", image(i))
			synctest.Wait()
		}
		for i := images - 1; i > images-10; i-- { // those at its end
			if result, took := admit(t, resolver, "modest", image(i)); result.Reason != pull.ReasonPullable || took > 2*moment {
				t.Fatalf("%s after %s", result.Reason, took)
			}
		}
		time.Sleep(time.Minute)
	})
}
