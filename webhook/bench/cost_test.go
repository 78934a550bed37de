//go:build !race

package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
)

var update = flag.Bool("update", false, "record what a cached admission costs")

// costFile has what a cached admission costs, by the number of images.
const costFile = "testdata/cost.json"

// cost is what the answer to one review takes of memory, the request's own
// buffers included. The race detector changes it.
type cost struct {
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
}

// A cached admission costs at most a fifth more than it did when that was
// recorded. To record it anew: go test ./webhook/bench/ -update
func TestCostOfACachedAdmission(t *testing.T) {
	images := &images{}
	host := images.start(t)
	gate := gate(t, host)
	measured := map[string]cost{}
	for _, n := range []int{1, 20} {
		measured[fmt.Sprint(n)] = cached{gate, cachedReview(t, host, n)}.cost(t)
	}
	if *update {
		write(t, measured)
	}
	for n, was := range read(t) {
		if now := measured[n]; now.Allocations > 1.2*was.Allocations || now.Bytes > 1.2*was.Bytes {
			t.Errorf("%s images: %.0f allocations and %.0f bytes; %.0f and %.0f were recorded", n, now.Allocations, now.Bytes, was.Allocations, was.Bytes)
		}
	}
}

// cost measures many answers.
func (c cached) cost(t *testing.T) cost {
	const runs = 500
	var before, after runtime.MemStats
	c.warm(t)
	runtime.ReadMemStats(&before)
	allocations := testing.AllocsPerRun(runs, func() { c.answer(t) })
	runtime.ReadMemStats(&after)
	return cost{Allocations: allocations, Bytes: float64((after.TotalAlloc - before.TotalAlloc) / (runs + 1))}
}

func read(t *testing.T) (recorded map[string]cost) {
	text, err := os.ReadFile(costFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &recorded); err != nil || len(recorded) == 0 {
		t.Fatalf("%s: %v", costFile, err)
	}
	return recorded
}

func write(t *testing.T, measured map[string]cost) {
	text, err := json.MarshalIndent(measured, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(costFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
