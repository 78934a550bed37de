package wiring

import "testing"

// Garbage may be as much as is kept while that is little, and half of it in the end.
func TestPercentFor(t *testing.T) {
	const mb = 1 << 20
	for live, want := range map[uint64]int{0: 100, mb: 100, 16 * mb: 100, 17 * mb: 90, 20 * mb: 80, 32 * mb: 50, 1 << 40: 50} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes are kept: %d percent, want %d", live, got, want)
		}
	}
}
