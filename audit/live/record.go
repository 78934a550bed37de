package live

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/tell"
	"github.com/pullgate/pullgate/imminence"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// confirmedAfter is for how long an image has to be broken, or unknown, over two
// looks at least, before it is told: a registry may stumble.
const confirmedAfter = 10 * time.Minute

// record is what was found out. Nothing is said of what was not looked at.
type record struct {
	mu sync.Mutex
	// clock is the auditor's.
	clock clock.PassiveClock
	// leading says that this replica looks; else nothing is known here.
	leading bool
	// foresight is the term's.
	foresight *foresight
	// accepts tells what of the broken is told of no more.
	accepts func(namespace, image string, now time.Time) bool
	// of is what is known by the workload's key; nil: it was not looked at yet.
	of map[string]*looked
}

// looked is what is known of a workload.
type looked struct {
	object workload.Object
	uid    types.UID
	at     time.Time
	images []claim
	// recalled says that it was looked at before a restart.
	recalled bool
	// ends are when pull secrets are of no use any more, by NAMESPACE/NAME.
	ends map[string]time.Time
}

// claim is what is said of an image.
type claim struct {
	container, image string
	// use is the image as the workload has it.
	use              workload.Image
	resolved, digest string
	credentials      []pull.Attempt
	verdict          pull.Verdict
	reason           pull.Reason
	// since is when the first look found the verdict that every one since has.
	since time.Time
	// confirmed says that it is so for long enough to be told.
	confirmed bool
	// accepted says that it is broken, and told of no more.
	accepted bool
	// told is what is told of it: that of an earlier look, until another verdict
	// is confirmed. Nil: nothing.
	told *tell.Finding
}

// lead begins a term, in which nothing is known at first.
func (r *record) lead(by clock.PassiveClock, f *foresight, accepts func(namespace, image string, now time.Time) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leading, r.clock, r.foresight, r.accepts, r.of = true, by, f, accepts, map[string]*looked{}
}

// rest ends a term.
func (r *record) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leading, r.foresight, r.of = false, nil, nil
}

// expect takes a workload up that is to be looked at.
func (r *record) expect(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.of[key]; !there && r.of != nil {
		r.of[key] = nil
	}
}

func (r *record) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, key)
}

// take takes the results of a look down, and returns what is known now; nil if
// the workload is gone.
func (r *record) take(key string, uid types.UID, report resolver.Report) *looked {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	before, expected := r.of[key]
	if !expected {
		return nil
	}
	fresh := &looked{object: report.Object, uid: uid, at: now}
	for i := range report.Results {
		one := newClaim(&report.Results[i], before, now)
		one.accepted = one.verdict == pull.Broken && r.accepts(report.Object.Namespace, one.image, now)
		if one.accepted {
			one.told = nil
		}
		fresh.images = append(fresh.images, one)
		fresh.endsOf(report.Results[i].Credentials)
	}
	r.of[key] = fresh
	return fresh
}

// recall takes up what was known of a workload before.
func (r *record) recall(key string, known *looked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of != nil {
		r.of[key] = known
	}
}

// acceptsNow tells whether an image that is broken is told of no more.
func (r *record) acceptsNow(namespace, image string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepts(namespace, image, r.clock.Now())
}

// last is what is known of a workload; nil: nothing.
func (r *record) last(key string) *looked {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[key]
}

// newClaim is what a result makes of what was said before.
func newClaim(result *resolver.Result, before *looked, now time.Time) claim {
	c := claim{
		container: result.Image.Container, image: result.Image.Reference, use: result.Image,
		resolved: result.Resolved, digest: result.Digest, credentials: result.Credentials,
		verdict: result.Verdict, reason: result.Reason, since: now,
	}
	if c.verdict != pull.Broken && c.verdict != pull.Unknown {
		return c
	}
	if old := before.claim(c.container, c.image); old != nil {
		c.told = old.told
		if old.verdict == c.verdict {
			c.since = old.since
		}
	}
	if c.confirmed = now.Sub(c.since) >= confirmedAfter; c.confirmed {
		c.told = &tell.Finding{
			Container: c.container, Image: c.image, Verdict: c.verdict, Reason: c.reason,
			Message: result.Message, Hint: result.Hint,
		}
	}
	return c
}

// endsOf takes down when pull secrets end, the earliest end of each.
func (l *looked) endsOf(attempts []pull.Attempt) {
	for _, attempt := range attempts {
		if attempt.Expires.IsZero() {
			continue
		}
		if l.ends == nil {
			l.ends = map[string]time.Time{}
		}
		if known, there := l.ends[attempt.Source.Name]; !there || attempt.Expires.Before(known) {
			l.ends[attempt.Source.Name] = attempt.Expires
		}
	}
}

// claim is what was said of an image; nil: nothing.
func (l *looked) claim(container, image string) *claim {
	if l == nil {
		return nil
	}
	for i := range l.images {
		if l.images[i].container == container && l.images[i].image == image {
			return &l.images[i]
		}
	}
	return nil
}

// lookedWithin tells whether a workload was looked at not longer ago.
func (r *record) lookedWithin(key string, ago time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.of[key]
	return one != nil && r.clock.Since(one.at) < ago
}

// looks are the keys of all that was looked at in this term.
func (r *record) looks() (keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, one := range r.of {
		if one != nil && !one.recalled {
			keys = append(keys, key)
		}
	}
	return keys
}

// saying is what was said of an image, of which workload, and when.
type saying struct {
	claim
	object workload.Object
	at     time.Time
}

// said is what was said of an image of a workload; nil: nothing. The image of a
// volume has no container to be found by.
func (r *record) said(key, container, image string) *saying {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.of[key]
	if one == nil {
		return nil
	}
	for _, c := range one.images {
		if c.image == image && (c.container == container || container == "") {
			return &saying{c, one.object, one.at}
		}
	}
	return nil
}

// soonAgain tells whether there is something to be looked at again before its
// time: what is broken or there only where nodes have it, and what a registry gave
// no answer about.
func (l *looked) soonAgain() bool {
	for _, c := range l.images {
		switch c.reason {
		case pull.RateLimited, pull.RegistryUnreachable, pull.RegistryError, pull.Timeout:
			return true
		default:
			if imminence.Hurts(c.verdict, c.reason) {
				return true
			}
		}
	}
	return false
}

// brokenFor is how long it has been so that it is looked at again before its time;
// 0: it is not so.
func (l *looked) brokenFor(now time.Time) time.Duration {
	if !l.soonAgain() {
		return 0
	}
	longest := time.Nanosecond
	for _, c := range l.images {
		if c.verdict == pull.Broken || c.verdict == pull.Unknown {
			longest = max(longest, now.Sub(c.since))
		}
	}
	return longest
}

// toTell is what there is to tell of a workload.
func (l *looked) toTell() tell.Workload {
	w := tell.Workload{Object: l.object, UID: l.uid, Sound: true}
	for _, c := range l.images {
		if c.told != nil {
			w.Findings = append(w.Findings, *c.told)
		}
		if c.verdict != pull.Pullable && c.verdict != pull.Skipped && !c.accepted {
			w.Sound = false
		}
	}
	return w
}
