package clock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Time runs out but for what is waited while the clock stands still.
func TestLimit(t *testing.T) {
	for name, stops := range map[string]int{"running": 0, "stopped": 1, "stopped twice at once": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := Limit(t.Context(), 3*time.Second)
				defer cancel()
				time.Sleep(time.Second)
				var start []func()
				for range stops {
					start = append(start, Stop(ctx))
				}
				if stops > 0 {
					time.Sleep(time.Hour)
				}
				for _, start := range start {
					start()
				}
				<-ctx.Done()
				want := 3 * time.Second
				if stops > 0 {
					want += time.Hour
				}
				if took := time.Since(began); took != want || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
					t.Errorf("%v after %s, want %s", context.Cause(ctx), took, want)
				}
			})
		})
	}
}

// A clock ends with the context around it, and another context has none.
func TestLimitEndsBefore(t *testing.T) {
	around, end := context.WithCancel(t.Context())
	ctx, cancel := Limit(around, time.Hour)
	defer cancel()
	defer Stop(ctx)()
	end()
	<-ctx.Done()
	Stop(t.Context())()
}
