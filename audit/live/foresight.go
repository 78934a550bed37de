package live

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// expiresWithin is how long before its end a pull secret is told of: whoever renews
// one by itself has done so by then.
const expiresWithin = time.Hour

// foresight is what will hurt, and what new Pods get that others do not run.
type foresight struct {
	lineage *lineage
	nodes   func() []nodes.Node
}

// containerd tells whether a node is known to run it.
func (f *foresight) containerd() func(node string) bool {
	known := map[string]bool{}
	for _, node := range f.nodes() {
		known[node.Name] = node.Runtime == "containerd"
	}
	return func(node string) bool { return known[node] }
}

// view is how a workload stands now: what hurts and what has moved, by its images.
type view struct {
	pods       []*imminence.Pod
	by         *imminence.CronJob
	containerd func(node string) bool
}

func (f *foresight) viewOf(key string, one *looked, containerd func(string) bool) view {
	return view{f.lineage.podsOf(one.uid), f.lineage.cronJob(key), containerd}
}

// hurts is when an image hurts that is told to be broken, or there only where nodes
// have it; empty: it does not.
func (v *view) hurts(c *claim) (at imminence.Moment, words string) {
	if !c.confirmed || c.accepted || !imminence.Hurts(c.verdict, c.reason) {
		return "", ""
	}
	use := imminence.Of(v.pods, c.use, v.containerd)
	at = use.Moment(c.use.Policy, v.by)
	return at, use.Words(at, v.by, time.Time{})
}

// moved says that a tag leads to another image than the one that Pods run.
func (v *view) moved(c *claim) string {
	use := imminence.Of(v.pods, c.use, v.containerd)
	return use.Moved(c.verdict, c.resolved, c.digest)
}

// toTell is what there is to tell of a workload.
func (f *foresight) toTell(key string, one *looked, containerd func(string) bool, now time.Time) tell.Workload {
	w, v := one.toTell(), f.viewOf(key, one, containerd)
	for i := range w.Findings {
		c := one.claim(w.Findings[i].Container, w.Findings[i].Image)
		if at, words := v.hurts(c); at != "" {
			w.Findings[i].When, w.Findings[i].Hurts = string(at), words
		}
	}
	for i := range one.images {
		c := &one.images[i]
		if text := v.moved(c); text != "" {
			w.Notices = append(w.Notices, tell.Notice{Reason: pull.TagMoved, Container: c.container, Image: c.image, Message: text})
		}
	}
	for _, secret := range slices.Sorted(maps.Keys(one.ends)) {
		if end := one.ends[secret]; end.Sub(now) <= expiresWithin {
			w.Notices = append(w.Notices, tell.Notice{Reason: pull.PullSecretExpires, Image: "secret/" + secret,
				Message: fmt.Sprintf("secret/%s is of no use from %s on, by its own word: new Pods cannot pull with it then", secret, end.UTC().Format(time.RFC3339))})
		}
	}
	return w
}

// lookAgain is when a workload is to be looked at for its pull secrets: shortly
// before the first of them ends, and when it has; zero: none does.
func (l *looked) lookAgain(now time.Time) (at time.Time) {
	for _, end := range l.ends {
		next := end.Add(-expiresWithin)
		if !next.After(now) {
			next = end.Add(time.Second)
		}
		if next.After(now) && (at.IsZero() || next.Before(at)) {
			at = next
		}
	}
	return at
}
