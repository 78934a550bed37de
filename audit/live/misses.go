package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/stuck"
)

const (
	// silentFor is how long a Pod may say nothing before its events are read:
	// volumes and networks take a while.
	silentFor = time.Minute
	// readAtOnce is how many Pods' events are read at a time at most, and
	// readAgain after how long they are again.
	readAtOnce = 20
	readAgain  = 5 * time.Minute
)

// misses are the Pods that cannot get an image, and what was said of it.
type misses struct {
	events  typedcorev1.EventsGetter
	record  *record
	lineage *lineage
	clock   clock.PassiveClock
	log     *slog.Logger

	mu   sync.Mutex
	pods map[types.UID]*miss
}

// miss is one Pod.
type miss struct {
	*stuck.Pod
	uid types.UID
	// since is when it was first seen to wait, and read when its events were.
	since, read time.Time
	// hurried says that its workload was looked at for it, and reported that it
	// was logged.
	hurried, reported bool
}

func newMisses(events typedcorev1.EventsGetter, r *record, l *lineage, log *slog.Logger) *misses {
	return &misses{events: events, record: r, lineage: l, clock: r.clock, log: log, pods: map[types.UID]*miss{}}
}

// seen takes an object up.
func (m *misses) seen(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.waits == nil {
		delete(m.pods, e.UID)
		return
	}
	before := m.pods[e.UID]
	now := &miss{Pod: e.waits, uid: e.UID, since: m.clock.Now()}
	if before != nil {
		now.since, now.read, now.reported, now.hurried = before.since, before.read, before.reported, before.hurried
		if now.Silent {
			now.Images = before.Images // of which its events told
		}
	}
	m.pods[e.UID] = now
}

// fresh are the keys of workloads of which a Pod has begun to wait, once each.
func (m *misses) fresh() (keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.pods {
		if key := m.keyOf(one); key != "" && !one.hurried && len(one.Images) > 0 {
			one.hurried = true
			keys = append(keys, key)
		}
	}
	return keys
}

func (m *misses) gone(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pods, e.UID)
}

// keyOf is that of the workload whose Pod it is; empty: nobody looks at it.
func (m *misses) keyOf(one *miss) string { return m.lineage.keyOf(one.uid) }

// check reads the events of Pods that say nothing, and reports those that wait
// for what is said to be pullable: that is a bug of ours.
func (m *misses) check(ctx context.Context) {
	for uid, one := range m.silent() {
		events, err := m.events.Events(one.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(uid)})
		if err != nil {
			m.log.Warn("a Pod's events cannot be read", "namespace", one.Namespace, "pod", one.Name, "error", err.Error())
			return // nor will the others'
		}
		if image := one.FromEvents(events.Items); image != nil {
			m.tell(uid, *image)
		}
	}
	m.reportBugs()
}

// silent are Pods whose events are to be read.
func (m *misses) silent() map[types.UID]*miss {
	now := m.clock.Now()
	due := map[types.UID]*miss{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid, one := range m.pods {
		if one.Silent && now.Sub(one.Since) >= silentFor && now.Sub(one.read) >= readAgain && len(due) < readAtOnce {
			one.read = now
			due[uid] = one
		}
	}
	return due
}

// tell notes what a silent Pod waits for.
func (m *misses) tell(uid types.UID, image stuck.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one := m.pods[uid]; one != nil && one.Silent {
		with := *one.Pod
		with.Images = []stuck.Image{image}
		one.Pod = &with
	}
}

// reportBugs logs, once each, Pods that wait for what was found pullable after
// they began to, and still do when the kubelet must have tried again: it does
// every five minutes at least (Kubernetes pkg/kubelet/kubelet.go, MaxContainerBackOff).
func (m *misses) reportBugs() {
	now := m.clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.pods {
		for _, image := range one.Images {
			said := m.record.said(m.keyOf(one), image.Container, image.Reference)
			if one.reported || said == nil || said.verdict != pull.Pullable || !said.at.After(one.since) || now.Sub(said.at) < confirmedAfter {
				continue
			}
			one.reported = true
			m.log.Error("a Pod cannot pull what was found pullable: please report it",
				"namespace", one.Namespace, "pod", one.Name, "node", one.Node, "container", image.Container,
				"workload", said.object.Kind+"/"+said.object.Name, "image", image.Reference, "resolved", said.resolved, "digest", said.digest,
				"waits", image.Reason, "kubelet", image.Words, "since", one.since, "looked", said.at, "credentials", said.credentials)
		}
	}
}

// missKey is what Pods are counted by.
type missKey struct{ namespace, reason, said string }

// count counts the Pods, and adds up what they hold by what was said.
func (m *misses) count() (pods map[missKey]int, holds map[string]stuck.Resources) {
	pods, holds = map[missKey]int{}, map[string]stuck.Resources{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.pods {
		if len(one.Images) == 0 {
			continue
		}
		first := one.Images[0]
		word := wordOn(m.record.said(m.keyOf(one), first.Container, first.Reference))
		pods[missKey{one.Namespace, first.Reason, word}]++
		sum := holds[word]
		sum.Add(one.Holds)
		holds[word] = sum
	}
	return pods, holds
}

// wordOn is what was said of an image, in a word.
func wordOn(said *saying) string {
	switch {
	case said == nil, said.verdict == pull.Skipped:
		return "never_asked"
	case said.verdict == pull.Pullable:
		return "pullable"
	case said.verdict == pull.Unknown:
		return "unknown"
	}
	if entry, _ := said.reason.Entry(); entry.Mild {
		return "warned"
	}
	return "refused"
}
