package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/workload"
)

// One namespace with more requests than are checked of it has the rest let in
// at once, with a warning; another's are checked as ever.
func TestCrowdOfOneNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t)
		rig.resolve = func(ctx context.Context, w workload.Workload) resolver.Report {
			if w.Object.Namespace == "crowd" {
				<-ctx.Done()
			}
			return byTag(w)
		}
		var group sync.WaitGroup
		for range maxCrowd {
			group.Go(func() { rig.post(encoded(t, creation(deployment("app:1"), in("crowd"))), "?timeout=10s") })
		}
		synctest.Wait()
		start := time.Now()
		crowded := rig.post(encoded(t, creation(deployment("app:tagnotfound"), in("crowd"))), "?timeout=10s")
		if text := crowded.Body.String(); crowded.Code != http.StatusOK || !strings.Contains(text, `"allowed":true`) || !strings.Contains(text, "too many requests of this namespace") {
			t.Errorf("one too many: %d %s", crowded.Code, text)
		}
		other := rig.post(encoded(t, creation(deployment("app:tagnotfound"), in("other"))), "?timeout=10s")
		if text := other.Body.String(); !strings.Contains(text, `"allowed":false`) {
			t.Errorf("another namespace's: %s", text)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("after %s", took)
		}
		if got := rig.counted(t, "pullgate_admission_crowded_total")[""]; got != 1 {
			t.Errorf("%v counted", got)
		}
		group.Wait()
		if len(rig.crowds.of) != 0 {
			t.Errorf("left: %v", rig.crowds.of)
		}
	})
}

// Where there are very many requests, those that hang are answered in half or a
// quarter of the time, those that came before the others too: some have waited for
// a connection, which only the client knows.
func TestPressed(t *testing.T) {
	for name, test := range map[string]struct {
		before, after int
		want          time.Duration
	}{
		"few":              {maxCrowd - 1, 0, 9 * time.Second},
		"very many":        {maxCrowd, 0, 5 * time.Second},
		"twice as many":    {2 * maxCrowd, 0, 2500 * time.Millisecond},
		"many came behind": {0, maxCrowd, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rig := newRig(t)
				rig.resolve = func(ctx context.Context, w workload.Workload) resolver.Report {
					<-ctx.Done()
					return byTag(w)
				}
				others := func(n int) {
					for i := range n {
						go rig.post(encoded(t, creation(deployment("app:1"), in(fmt.Sprint(i%4)))), "?timeout=10s")
					}
					synctest.Wait()
				}
				others(test.before)
				var took time.Duration
				go func() {
					start := time.Now()
					rig.post(encoded(t, creation(deployment("app:1"), in("last"))), "?timeout=10s")
					took = time.Since(start)
				}()
				time.Sleep(time.Second)
				others(test.after)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if took != test.want {
					t.Errorf("after %s, want %s", took, test.want)
				}
			})
		})
	}
}
