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

// Where there are very many requests, those that hang are answered in half of
// the time: some have waited for a connection, which only the client knows.
func TestPressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(t)
		rig.resolve = func(ctx context.Context, w workload.Workload) resolver.Report {
			<-ctx.Done()
			return byTag(w)
		}
		for i := range maxCrowd + 1 {
			go rig.post(encoded(t, creation(deployment("app:1"), in(fmt.Sprint(i%4)))), "?timeout=10s")
		}
		synctest.Wait()
		start := time.Now()
		rig.post(encoded(t, creation(deployment("app:1"), in("last"))), "?timeout=10s")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("after %s", took)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
	})
}
