package imminence

import (
	"testing"
	"time"
)

func TestNextTime(t *testing.T) {
	now := time.Date(2026, 3, 28, 22, 30, 0, 0, time.UTC)
	for _, test := range []struct{ schedule, zone, want string }{
		{"0 3 * * *", "Etc/UTC", "2026-03-29T03:00:00Z (0 3 * * * Etc/UTC)"},
		{"0 3 * * *", "", "2026-03-29T03:00:00Z, if the controller manager goes by UTC (0 3 * * *)"},
		{"0 3 * * *", "Asia/Tokyo", "2026-03-30T03:00:00+09:00 (0 3 * * * Asia/Tokyo)"},
		// In the night of the 29th the clock in Berlin goes from 2 to 3.
		{"30 2 * * *", "Europe/Berlin", "2026-03-30T02:30:00+02:00 (30 2 * * * Europe/Berlin)"},
		{"@hourly", "America/St_Johns", "2026-03-28T21:00:00-02:30 (@hourly America/St_Johns)"},
		{"0 0 31 2 *", "Etc/UTC", "never: 0 0 31 2 * Etc/UTC"},
		{"0 3 * *", "", "0 3 * *"},
		{"0 3 * * *", "Nowhere/Town", "0 3 * * * Nowhere/Town"},
		{"0 3 * * *", "Local", "0 3 * * * Local"},
		{"TZ=Asia/Tokyo 0 3 * * *", "", "TZ=Asia/Tokyo 0 3 * * *"},
		{"TZ=", "", "TZ="}, // at which the library panics
		{"", "", ""},
	} {
		if got := NextTime(test.schedule, test.zone, now); got != test.want {
			t.Errorf("%q in %q: %s, want %s", test.schedule, test.zone, got, test.want)
		}
	}
}
