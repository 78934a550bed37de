package imminence

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a CronJob's zone counts wherever the program runs

	"github.com/robfig/cron/v3"
)

// NextTime says when a CronJob runs next, as its controller works it out
// (Kubernetes pkg/controller/cronjob/utils.go, formatSchedule and nextScheduleTime,
// by the same library).
func NextTime(schedule, zone string, now time.Time) string {
	said := strings.TrimSpace(schedule + " " + zone)
	if strings.Contains(schedule, "TZ") { // which API servers refuse by now
		return said
	}
	location, err := time.LoadLocation(zone) // without a name: UTC
	if err != nil || zone == "Local" {
		return said
	}
	times, err := cron.ParseStandard(schedule)
	if err != nil {
		return said
	}
	next := times.Next(now.In(location))
	switch {
	case next.IsZero():
		return "never: " + said
	case zone == "":
		return fmt.Sprintf("%s, if the controller manager goes by UTC (%s)", next.Format(time.RFC3339), said)
	default:
		return fmt.Sprintf("%s (%s)", next.Format(time.RFC3339), said)
	}
}
