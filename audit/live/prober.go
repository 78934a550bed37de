package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/distribution/reference"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/pace"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/toll"
)

const (
	// rememberFor is how long an answer is good for all who ask the same. Those
	// that ask alike have the same times.
	rememberFor = 4 * time.Minute
	// fullAgain is after how long an image is looked at in full again: of four
	// looks a day, one is.
	fullAgain = 23 * time.Hour
	// remembered is how many answers are kept at most.
	remembered = 50_000
)

// postponed is the reason of a question that was not put to its end, because the
// budget is used up. It is outside the closed set, so that it counts as unknown
// wherever it should get to.
const postponed pull.Reason = "Postponed"

// errPostponed is the error of a request that was not sent.
var errPostponed = errors.New("the auditor's budget for the host is used up")

// Pacer keeps what is asked of registries, and of whoever else it takes, within
// the budgets, and asks the same once in a while only. It outlives configurations.
type Pacer struct {
	clock   clock.PassiveClock
	log     *slog.Logger
	mu      sync.Mutex
	limits  map[string]int
	other   int
	budgets pace.Budgets
	again   map[string]time.Time // when what was postponed may be put, by the image
	answers map[pull.Key]answer
	full    map[pull.Key]time.Time      // the last looks in full that found it pullable
	dear    map[pull.Key]map[string]int // what a question costs hosts, where that is much
	shallow map[pull.Key]bool           // of what layers are not looked at
}

type answer struct {
	finding pull.Finding
	until   time.Time
}

// NewPacer returns one with the budgets of a configuration, that goes by a clock.
func NewPacer(c policy.Auditing, by clock.PassiveClock, log *slog.Logger) *Pacer {
	p := &Pacer{clock: by, log: log, again: map[string]time.Time{}, answers: map[pull.Key]answer{}, full: map[pull.Key]time.Time{}}
	p.budgets.Limit = p.limit
	p.Configure(c)
	return p
}

// Configure takes other budgets up, in which there may be room for what there was
// none.
func (p *Pacer) Configure(c policy.Auditing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.other, p.limits = c.RequestsPerHour, map[string]int{}
	for _, registry := range c.Registries {
		p.limits[dialled(registry.Host)] = registry.RequestsPerHour
	}
	p.dear, p.shallow = map[pull.Key]map[string]int{}, map[pull.Key]bool{}
}

func (p *Pacer) limit(host string) int {
	if limit, own := p.limits[host]; own {
		return limit
	}
	return p.other
}

// dialled is the host that is asked for a registry (containerd
// core/remotes/docker/registry.go, DefaultHost).
func dialled(registry string) string {
	if registry == "docker.io" {
		return "registry-1.docker.io"
	}
	return registry
}

// Again is when a question about an image may be put that was postponed.
func (p *Pacer) Again(image string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.again[image]
}

// question is one that is put to registries, by as many at a time as ask.
type question struct {
	pace.Question
	pacer *Pacer
	image string
	full  bool // it looks in full
	over  bool // it was postponed, or has ended
}

// begin takes a question up, unless its registry wants to be left alone.
func (p *Pacer) begin(image reference.Named, spared bool, needs map[string]int) (*question, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := &question{pacer: p, image: pulledName(image)}
	q.Registry, q.Spared, q.Needs = dialled(reference.Domain(image)), spared, needs
	again, ok := p.budgets.Begin(&q.Question, p.clock.Now())
	if !ok {
		q.postpone(again)
	}
	return q, ok
}

// pulledName is a reference as reports have it: with a digest, the tag counts for
// nothing.
func pulledName(image reference.Named) string {
	if digested, ok := image.(reference.Digested); ok {
		return image.Name() + "@" + digested.Digest().String()
	}
	return image.String()
}

func (q *question) postpone(again time.Time) {
	if len(q.pacer.again) >= remembered {
		clear(q.pacer.again) // they are put when they are due
	}
	q.pacer.again[q.image], q.over = again, true
}

// leave books a request of the question, or says that there is no room for it: then
// the question is over, since what others answer to the rest says nothing.
func (q *question) leave(host string) error {
	q.pacer.mu.Lock()
	defer q.pacer.mu.Unlock()
	if q.over {
		return errPostponed
	}
	if again, ok := q.pacer.budgets.Send(&q.Question, host, q.pacer.clock.Now()); !ok {
		q.postpone(again)
		return errPostponed
	}
	return nil
}

// end is told what came of a question, and returns what may be said of it.
func (q *question) end(key pull.Key, query pull.Query, finding pull.Finding) pull.Finding {
	p := q.pacer
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case q.over && q.TooDear != "":
		p.budgets.End(&q.Question, false)
		return p.tooDear(key, query, q.TooDear)
	case q.over:
		p.budgets.End(&q.Question, false)
		p.keepDear(key, q.Needs)
		return pull.Finding{Reason: postponed}
	case finding.Reason == pull.RateLimited:
		p.budgets.EndLimited(&q.Question, finding.RetryAfter, p.clock.Now())
	default:
		p.budgets.End(&q.Question, true)
	}
	q.over = true
	p.keepDear(key, q.Cost())
	delete(p.again, q.image)
	if q.full && finding.Reason == pull.ReasonPullable {
		p.lookedInFull(key)
	}
	if finding.Reason.Known() {
		p.remember(key, finding, rememberFor)
	}
	return finding
}

// keepDear takes down what a question costs hosts, where that is much. The caller
// holds the lock, as of those below.
func (p *Pacer) keepDear(key pull.Key, needs map[string]int) {
	if len(p.dear) >= remembered {
		clear(p.dear) // they are found out again
	}
	if p.dear[key] = needs; needs == nil {
		delete(p.dear, key)
	}
}

// tooDear decides what to do about a question that wants more than a host may have
// in an hour: it is put without the layers, or not at all for a day.
func (p *Pacer) tooDear(key pull.Key, query pull.Query, host string) pull.Finding {
	delete(p.dear, key)
	if query.Layers {
		p.shallow[key] = true
		p.log.Warn("the layers of an image are not looked at: they take more than half of the requests that the configuration's audit lets a host have in an hour",
			"image", query.Image.String(), "host", host, "requestsPerHour", p.limit(host))
		return pull.Finding{Reason: postponed}
	}
	finding := pull.Finding{Reason: pull.RateLimited, Detail: fmt.Sprintf("to look at it takes more than the %d requests an hour that the auditor lets %s have", p.limit(host), host)}
	p.remember(key, finding, fullAgain)
	return finding
}

func (p *Pacer) remember(key pull.Key, finding pull.Finding, lasts time.Duration) {
	now := p.clock.Now()
	if len(p.answers) >= remembered {
		for old, kept := range p.answers {
			if !now.Before(kept.until) {
				delete(p.answers, old)
			}
		}
	}
	if len(p.answers) < remembered {
		p.answers[key] = answer{finding, now.Add(lasts)}
	}
}

// lookedInFull takes a look down that was in full and found the image pullable.
func (p *Pacer) lookedInFull(key pull.Key) {
	if len(p.full) >= remembered {
		clear(p.full) // the next looks count as the first ones
	}
	p.full[key] = p.clock.Now()
}

func (p *Pacer) recall(key pull.Key) (pull.Finding, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, ok := p.answers[key]
	return kept.finding, ok && p.clock.Now().Before(kept.until)
}

// deepen says how far a question looks, and what it is known to cost. In full it
// looks until that finds the image pullable, and then once a day: anew, for a
// registry may have what a tag leads to and not what that consists of.
func (p *Pacer) deepen(key pull.Key, query *pull.Query) (full bool, needs map[string]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.full[key]
	query.Anew = known && p.clock.Since(last) >= fullAgain
	full = query.Anew || !known
	query.Layers = query.Layers && full && !p.shallow[key]
	return full, p.dear[key]
}

// Asking puts the pacer before what asks registries.
func (p *Pacer) Asking(prober resolver.Prober) resolver.Prober { return paced{p, prober} }

// paced is a prober behind a pacer.
type paced struct {
	*Pacer
	prober resolver.Prober
}

// Probe asks a registry within its budget, or answers from memory.
func (p paced) Probe(ctx context.Context, query pull.Query) (finding pull.Finding) {
	key := query.Key()
	if finding, known := p.recall(key); known {
		return finding
	}
	full, needs := p.deepen(key, &query)
	q, ok := p.begin(query.Image, query.Layers, needs)
	if !ok {
		return pull.Finding{Reason: postponed}
	}
	q.full = full
	defer func() { finding = q.end(key, query, finding) }()
	return p.prober.Probe(toll.Before(ctx, q.leave), query)
}

// Tags lists tags within the registry's budget.
func (p paced) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	q, ok := p.begin(image, false, nil)
	if !ok {
		return nil, errPostponed
	}
	tags, err := p.prober.Tags(toll.Before(ctx, q.leave), image, credential)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budgets.End(&q.Question, err == nil && !q.over)
	q.over = true
	return tags, err
}

// spent is what was asked of registries, and resume takes it up.
func (p *Pacer) spent() (all map[string]pace.Spent, fresh int, kept func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, fresh, settle := p.budgets.Spent(p.clock.Now())
	return all, fresh, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		settle()
		p.budgets.Kept = true
	}
}

func (p *Pacer) resume(spent map[string]pace.Spent, inOrder bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budgets.Resume(spent, inOrder, p.clock.Now())
}
