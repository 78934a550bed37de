package imminence

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Moment is when an image that cannot be pulled hurts, in a word.
type Moment string

// The moments, a closed set.
const (
	// Already: a Pod waits for it.
	Already Moment = "already"
	// AtRestart: at the next restart of a container, whose pull policy is Always.
	AtRestart Moment = "restart"
	// AtReschedule: when a Pod lands on another node, or a node is replaced.
	AtReschedule Moment = "reschedule"
	// AtTime: at a CronJob's next time.
	AtTime Moment = "cronjob"
	// AtResume: when a CronJob is suspended no longer.
	AtResume Moment = "resume"
	// AtNextPod: none runs it.
	AtNextPod Moment = "next_pod"
)

// CronJob is what says when one makes a Pod.
type CronJob struct {
	Schedule, TimeZone string
	Suspended          bool
}

// Hurts tells whether there is a moment at which an image hurts, by what is said of
// it: it is broken, or there only where nodes have it.
func Hurts(verdict pull.Verdict, reason pull.Reason) bool {
	return verdict == pull.Broken || reason == pull.PresentOnNodes
}

// Moment is when an image hurts that Pods use so; of a CronJob's Pods, or of others
// (nil).
func (u *Use) Moment(policy corev1.PullPolicy, by *CronJob) Moment {
	switch {
	case u.Waiting > 0:
		return Already
	case u.Started > 0 && policy == corev1.PullAlways:
		return AtRestart
	case u.Started > 0:
		return AtReschedule
	case by != nil && by.Suspended:
		return AtResume
	case by != nil:
		return AtTime
	default:
		return AtNextPod
	}
}

// Words say the moment: now is for a CronJob's next time; the zero time: its
// schedule is enough.
func (u *Use) Words(at Moment, by *CronJob, now time.Time) string {
	switch at {
	case Already:
		if u.Waiting == 1 {
			return "it hurts already: 1 Pod waits for it"
		}
		return fmt.Sprintf("it hurts already: %d Pods wait for it", u.Waiting)
	case AtRestart:
		return "it hurts at the next restart of a container: the pull policy is Always"
	case AtReschedule:
		return "it hurts when a Pod lands on another node or a node is replaced: where it runs, the image is there"
	case AtResume:
		return "it hurts when the CronJob is suspended no longer"
	case AtTime:
		if now.IsZero() {
			return "it hurts at the CronJob's next time: " + strings.TrimSpace(by.Schedule+" "+by.TimeZone)
		}
		return "it hurts at the CronJob's next time: " + NextTime(by.Schedule, by.TimeZone, now)
	default:
		return "it hurts with the next Pod: none runs it"
	}
}
