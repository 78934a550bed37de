package fair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Who comes with many waits behind them, and nobody else does: the flow that
// comes last is let in as soon as anybody leaves.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Slots: 2, PerFlow: 2}
		var mu sync.Mutex
		var order []string
		enter := func(flow string) {
			leave, err := l.Enter(t.Context(), flow)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, flow)
			mu.Unlock()
			time.Sleep(time.Second)
			leave()
		}
		for range 8 {
			go enter("many")
			synctest.Wait()
		}
		go enter("one")
		go enter("other")
		synctest.Wait()
		if flows := l.Flows(); flows != 3 {
			t.Errorf("%d flows wait", flows)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		// The second pair has one of them, the third the other, in any order.
		if last := max(slices.Index(order, "one"), slices.Index(order, "other")); len(order) != 10 || last > 5 {
			t.Errorf("order %v", order)
		}
		if l.total != 0 || len(l.inside) != 0 || len(l.queues) != 0 || len(l.turn) != 0 {
			t.Errorf("something is left: %+v", l)
		}
	})
}

// One flow leaves room for others however many it has.
func TestOneFlowLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Slots: 4, PerFlow: 3}
		for range 100 {
			go func() {
				if leave, err := l.Enter(t.Context(), "many"); err == nil {
					time.Sleep(time.Hour)
					leave()
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		leave, err := l.Enter(t.Context(), "one")
		if err != nil || time.Since(start) > 0 {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
		leave()
		time.Sleep(100 * time.Hour)
	})
}

// Who gives up leaves nothing, be it that room is given at the same moment.
func TestGivingUp(t *testing.T) {
	l := &Limiter{Slots: 3, PerFlow: 2}
	gone := errors.New("gone")
	var group sync.WaitGroup
	for i := range 1000 {
		group.Go(func() {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Duration(i%7)*10*time.Microsecond, func() { cancel(gone) })
			leave, err := l.Enter(ctx, fmt.Sprint(i%5))
			switch {
			case err == nil:
				leave()
			case !errors.Is(err, gone):
				t.Error(err)
			}
			cancel(nil)
		})
	}
	group.Wait()
	if l.total != 0 || len(l.inside) != 0 || len(l.queues) != 0 || len(l.turn) != 0 {
		t.Errorf("something is left: %+v", l)
	}
}
