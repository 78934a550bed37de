package live

import (
	"sync"
	"time"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// confirmedAfter is for how long an image has to be broken, over two looks at
// least, before it is said: a registry may stumble.
const confirmedAfter = 10 * time.Minute

// record is what was found out. Nothing is said of what was not looked at.
type record struct {
	mu sync.Mutex
	// leading says that this replica looks; else nothing is known here.
	leading bool
	// accepts tells what of the broken is told of no more.
	accepts func(namespace, image string, now time.Time) bool
	// of is what is known by the workload's key; nil: it was not looked at yet.
	of map[string]*looked
}

// looked is what is known of a workload.
type looked struct {
	object workload.Object
	at     time.Time
	images []claim
}

// claim is what is said of an image.
type claim struct {
	container, image string
	verdict          pull.Verdict
	reason           pull.Reason
	// brokenSince is when the first look found it broken that every one since
	// has; zero: the last look did not.
	brokenSince time.Time
	// confirmed says that it is broken for long enough to be told.
	confirmed bool
	// accepted says that it is broken, and told of no more.
	accepted bool
}

// lead begins a term, in which nothing is known at first.
func (r *record) lead(accepts func(namespace, image string, now time.Time) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leading, r.accepts, r.of = true, accepts, map[string]*looked{}
}

// rest ends a term.
func (r *record) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leading, r.of = false, nil
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

// take takes the results of a look down, unless the workload is gone, and tells
// whether any image is broken.
func (r *record) take(key string, report resolver.Report, now time.Time) (broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, expected := r.of[key]
	if !expected {
		return false
	}
	fresh := &looked{object: report.Object, at: now}
	for i := range report.Results {
		one := newClaim(&report.Results[i], before, now)
		one.accepted = one.verdict == pull.Broken && r.accepts(report.Object.Namespace, one.image, now)
		broken = broken || one.verdict == pull.Broken
		fresh.images = append(fresh.images, one)
	}
	r.of[key] = fresh
	return broken
}

// newClaim is what a result makes of what was said before.
func newClaim(result *resolver.Result, before *looked, now time.Time) claim {
	c := claim{container: result.Image.Container, image: result.Image.Reference, verdict: result.Verdict, reason: result.Reason}
	if c.verdict != pull.Broken {
		return c
	}
	c.brokenSince = now
	if before != nil {
		for _, old := range before.images {
			if old.container == c.container && old.image == c.image && !old.brokenSince.IsZero() {
				c.brokenSince = old.brokenSince
			}
		}
	}
	c.confirmed = now.Sub(c.brokenSince) >= confirmedAfter
	return c
}
