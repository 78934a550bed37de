package wiring

import (
	"os"
	"runtime/debug"
)

// gcPercent is by how much the heap grows before garbage is collected, in
// percent of what lives. Go's own 100 has as much garbage again in memory as
// there is kept; half of that costs little, for most of what a gate keeps has no
// pointers that a collection would follow.
const gcPercent = 50

// CollectOften keeps garbage small, unless the environment's GOGC says how much
// there may be. GOMEMLIMIT holds beside it.
func CollectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
