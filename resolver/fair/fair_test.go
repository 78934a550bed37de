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
			leave, err := l.Enter(t.Context(), NewTicket(flow))
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
				if leave, err := l.Enter(t.Context(), NewTicket("many")); err == nil {
					time.Sleep(time.Hour)
					leave()
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		leave, err := l.Enter(t.Context(), NewTicket("one"))
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
			leave, err := l.Enter(ctx, ticketOf(i))
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

// ticketOf is one of a flow or of two.
func ticketOf(i int) *Ticket {
	ticket := NewTicket(fmt.Sprint(i % 5))
	if i%3 == 0 {
		ticket.Join(fmt.Sprint(i % 7))
	}
	return ticket
}

// What waits in one flow's long queue, and is joined by another flow, is let in
// by that one's turn, and counts as one of it; the rest of the long queue waits
// as before.
func TestJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Slots: 1, PerFlow: 1}
		var order []string
		enter := func(name string, ticket *Ticket) {
			leave, err := l.Enter(t.Context(), ticket)
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, name)
			time.Sleep(time.Second)
			leave()
		}
		for i := range 20 {
			go enter(fmt.Sprint(i), NewTicket("many"))
			synctest.Wait()
		}
		shared := NewTicket("many")
		go enter("shared", shared)
		synctest.Wait()
		shared.Join("one")
		shared.Join("one")
		if flows := l.Flows(); flows != 2 {
			t.Errorf("%d flows wait", flows)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		shared.Join("late") // nobody waits with it any more
		if at := slices.Index(order, "shared"); len(order) != 21 || at > 2 {
			t.Errorf("order %v", order)
		}
		if l.total != 0 || len(l.inside) != 0 || len(l.queues) != 0 || len(l.turn) != 0 {
			t.Errorf("something is left: %+v", l)
		}
	})
}

// Who waits because its own flow has its share is let in at once when a flow
// joins that has not.
func TestJoiningFindsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Slots: 2, PerFlow: 1}
		leave, err := l.Enter(t.Context(), NewTicket("many"))
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		ticket, in := NewTicket("many"), make(chan func(), 1)
		go func() {
			if leave, err := l.Enter(t.Context(), ticket); err == nil {
				in <- leave
			}
		}()
		synctest.Wait()
		if len(in) != 0 {
			t.Fatal("one flow has all room")
		}
		ticket.Join("one")
		synctest.Wait()
		if len(in) != 1 {
			t.Fatal("it still waits")
		}
		(<-in)()
	})
}
