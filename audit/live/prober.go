package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/distribution/reference"
	"k8s.io/utils/clock"

	"github.com/pullgate/pullgate/audit/pace"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
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

// postponed is the reason of a question that was not put, because the budget is
// used up. It is outside the closed set, so that it counts as unknown wherever it
// should get to.
const postponed pull.Reason = "Postponed"

// errPostponed is the error of a list of tags that was not asked for.
var errPostponed = errors.New("the auditor's budget for the registry is used up")

// Pacer keeps what is asked of registries within their budgets, and asks the same
// once in a while only. It outlives configurations.
type Pacer struct {
	clock   clock.PassiveClock
	mu      sync.Mutex
	limits  map[string]int
	other   int
	budgets pace.Budgets
	again   map[string]time.Time
	answers map[pull.Key]answer
	full    map[pull.Key]time.Time // the last looks in full
}

type answer struct {
	finding pull.Finding
	until   time.Time
}

// NewPacer returns one with the budgets of a configuration, that goes by a clock.
func NewPacer(c policy.Auditing, by clock.PassiveClock) *Pacer {
	p := &Pacer{clock: by, again: map[string]time.Time{}, answers: map[pull.Key]answer{}, full: map[pull.Key]time.Time{}}
	p.budgets.Limit = p.limit
	p.Configure(c)
	return p
}

// Configure takes other budgets up.
func (p *Pacer) Configure(c policy.Auditing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.other, p.limits = c.RequestsPerHour, map[string]int{}
	for _, registry := range c.Registries {
		p.limits[dialled(registry.Host)] = registry.RequestsPerHour
	}
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

// Requested books a request to a host.
func (p *Pacer) Requested(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budgets.Requested(host, p.clock.Now())
}

// Again is when a registry may be asked again, whose question was postponed.
func (p *Pacer) Again(registry string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.again[registry]
}

// begin takes a question up, if there is room for it.
func (p *Pacer) begin(registry string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	again, ok := p.budgets.Begin(dialled(registry), p.clock.Now())
	if !ok {
		p.again[registry] = again
	}
	return ok
}

func (p *Pacer) end(registry string, finding pull.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if finding.Reason == pull.RateLimited {
		p.budgets.EndLimited(dialled(registry), finding.RetryAfter, p.clock.Now())
		return
	}
	p.budgets.End(dialled(registry), true)
}

func (p *Pacer) recall(key pull.Key) (pull.Finding, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, ok := p.answers[key]
	return kept.finding, ok && p.clock.Now().Before(kept.until)
}

func (p *Pacer) remember(key pull.Key, finding pull.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if len(p.answers) >= remembered {
		for old, kept := range p.answers {
			if !now.Before(kept.until) {
				delete(p.answers, old)
			}
		}
	}
	if len(p.answers) < remembered {
		p.answers[key] = answer{finding, now.Add(rememberFor)}
	}
}

// stale tells whether what was read of an image is to be read anew: a registry may
// have what a tag leads to and not what that consists of.
func (p *Pacer) stale(key pull.Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.full[key]
	return known && p.clock.Since(last) >= fullAgain
}

// lookedInFull takes a look down that was in full: anew, or the first one.
func (p *Pacer) lookedInFull(key pull.Key, anew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.full[key]; known && !anew {
		return
	}
	if len(p.full) >= remembered {
		clear(p.full) // the next looks count as the first ones
	}
	p.full[key] = p.clock.Now()
}

// Asking puts the pacer before what asks registries.
func (p *Pacer) Asking(prober resolver.Prober) resolver.Prober { return paced{p, prober} }

// paced is a prober behind a pacer.
type paced struct {
	*Pacer
	prober resolver.Prober
}

// Probe asks a registry within its budget, or answers from memory.
func (p paced) Probe(ctx context.Context, query pull.Query) pull.Finding {
	key, registry := query.Key(), reference.Domain(query.Image)
	if finding, known := p.recall(key); known {
		return finding
	}
	if !p.begin(registry) {
		return pull.Finding{Reason: postponed}
	}
	finding := pull.Finding{}
	defer func() { p.end(registry, finding) }()
	query.Anew = p.stale(key)
	finding = p.prober.Probe(ctx, query)
	if finding.Reason.Verdict() != pull.Unknown {
		p.lookedInFull(key, query.Anew)
	}
	p.remember(key, finding)
	return finding
}

// Tags lists tags within the registry's budget.
func (p paced) Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	registry := reference.Domain(image)
	if !p.begin(registry) {
		return nil, errPostponed
	}
	tags, err := p.prober.Tags(ctx, image, credential)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budgets.End(dialled(registry), err == nil)
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
