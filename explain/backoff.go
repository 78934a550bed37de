package explain

import (
	"slices"
	"time"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// minBackOff and maxBackOff are how long the kubelet waits after a failure
	// before it pulls again: twice as long each time (Kubernetes
	// pkg/kubelet/kubelet.go, imageBackOffPeriod and MaxImageBackOff).
	minBackOff = 10 * time.Second
	maxBackOff = 300 * time.Second
	// syncPeriod is within what time it looks at a Pod again that failed (pkg/
	// kubelet/pod_workers.go, backOffPeriod and workerBackOffPeriodJitterFactor).
	syncPeriod = 15 * time.Second
	// surely is up to how many failures events tell all of them: later ones may
	// be dropped (client-go tools/record/events_cache.go, 25 events at once, of
	// which a failure takes five).
	surely = 4
)

// nextTry is when the kubelet tries again at the latest.
func nextTry(s Symptom, now time.Time) time.Time {
	if !backsOff(s) {
		return now.Add(syncPeriod)
	}
	if s.Attempts > 0 && s.Attempts <= surely {
		if next := s.Tried.Add(minBackOff<<(s.Attempts-1) + syncPeriod); next.After(now) {
			return next
		}
	}
	if next := s.Tried.Add(maxBackOff + syncPeriod); next.After(now) && s.Attempts > 0 {
		return next
	}
	return now.Add(maxBackOff + syncPeriod)
}

// backsOff tells whether the kubelet waits longer each time: only what it pulled
// it does not pull again at once (pkg/kubelet/images/image_manager.go,
// pullImage).
func backsOff(s Symptom) bool {
	return !slices.Contains([]Cause{Cause(pull.InvalidImageName), Cause(pull.NeverPresent), Cause(pull.PullSecretMalformed), Sandbox}, s.Cause)
}
