package wiring

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// muchGarbage is from how many bytes on garbage is collected before there is as
	// much as there is kept, which is Go's own rule: until then, collections would
	// cost more than the memory is worth.
	muchGarbage = 16 << 20
	// leastPercent bounds how often that is: most of what a gate keeps has no
	// pointers that a collection would follow.
	leastPercent = 50
)

// CollectOften keeps garbage small until the context ends, unless the
// environment's GOGC says how much there may be. GOMEMLIMIT holds beside it.
func CollectOften(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	live, percent := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}, 100
	for tick := time.NewTicker(time.Second); ctx.Err() == nil; {
		metrics.Read(live)
		if next := percentFor(live[0].Value.Uint64()); next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
		}
	}
}

// percentFor is by how much the heap may grow, in steps of ten, since each change
// stops the world for a moment.
func percentFor(live uint64) int {
	percent := 100 * muchGarbage / max(float64(live), muchGarbage)
	return max(leastPercent, int(percent)/10*10)
}
