package webhook

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/workload"
)

// Bodies that wait for registries do not fill the memory: further ones wait,
// and are turned away before the API server loses its patience.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var room room
		large := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/validate", bytes.NewReader(make([]byte, maxReview)))
		var leaves []func()
		for range maxInFlight / maxReview {
			leave, err := room.enter(large, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		start := time.Now()
		if _, err := room.enter(large, time.Second); err == nil || time.Since(start) != time.Second {
			t.Errorf("one too many: %v after %s", err, time.Since(start))
		}
		var entered atomic.Bool
		go func() {
			if leave, err := room.enter(large, time.Second); err == nil {
				entered.Store(true)
				leave()
			}
		}()
		synctest.Wait()
		leaves[0]()
		synctest.Wait()
		if !entered.Load() {
			t.Error("no room although one has left")
		}
	})
}

// Each request gives its room back, whatever becomes of it.
func TestRoomIsGivenBack(t *testing.T) {
	rig := newRig(t)
	rig.resolve = func(_ context.Context, _ workload.Workload) resolver.Report { panic("a bug") }
	for range 3 * maxInFlight / maxReview {
		for _, text := range []string{"", "{", string(body(t, request(deployment("app:1"))))} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/validate", bytes.NewBufferString(text))
			r.ContentLength = -1
			w := httptest.NewRecorder()
			rig.ServeHTTP(w, r)
			if w.Code == http.StatusServiceUnavailable {
				t.Fatal("turned away")
			}
		}
	}
}
