package check

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/clock"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxQuestions is how many questions are asked of registries at a time: as
	// many as the resolver puts to one.
	maxQuestions = 64
	// answerLimit is how long one question waits for its answer, once it is
	// put; what it waits for a registry that answers 429 does not count.
	answerLimit = 15 * time.Second
	// maxSilence is after how many questions in a row without an answer a
	// registry is not asked any more.
	maxSilence = 3
)

// OnceProber asks every question once and remembers the answers, the bad ones
// too: what a run says is of its one moment. It gives up on a registry that does
// not answer, and tells how far it is.
type OnceProber struct {
	prober resolver.Prober
	slots  chan struct{}
	// run ends all questions; the resolver's own deadlines are for admission.
	run context.Context //nolint:containedctx // it is that of the prober's life

	findings memory[pull.Key, pull.Finding]
	lists    memory[listKey, tagList]

	mu    sync.Mutex
	hosts map[string]*host
	// missing are the questions about images that are not there, by the image.
	missing map[string][]pull.Key
}

// listKey tells lists of tags apart.
type listKey struct {
	repository string
	credential [sha256.Size]byte
}

// tagList is what came of a list of tags.
type tagList struct {
	tags []string
	err  error
}

// host is what is known of a registry's answering.
type host struct {
	silent  int // questions in a row without an answer
	last    pull.Finding
	slowest time.Duration
}

// NewOnceProber returns one that asks by way of prober until run ends.
func NewOnceProber(run context.Context, prober resolver.Prober) *OnceProber {
	return &OnceProber{prober: prober, run: run, slots: make(chan struct{}, maxQuestions), hosts: map[string]*host{}}
}

// Probe answers a query, from memory where it was asked before.
func (p *OnceProber) Probe(_ context.Context, query pull.Query) pull.Finding {
	finding, err := p.findings.ask(p.run, query.Key(), func(ctx context.Context) (finding pull.Finding, err error) { //nolint:contextcheck // an answer is for all who ask, not for the first
		err = p.inTurn(ctx, func(ctx context.Context) { finding = p.ask(ctx, query) })
		if err == nil && finding.Reason.NotFound() {
			p.miss(query)
		}
		return finding, err
	})
	if err != nil {
		return pull.Finding{Reason: pull.Timeout, Detail: "the check was ended before it was asked"}
	}
	return finding
}

// miss takes down that an image is not there.
func (p *OnceProber) miss(query pull.Query) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.missing == nil {
		p.missing = map[string][]pull.Key{}
	}
	image := query.Image.String()
	p.missing[image] = append(p.missing[image], query.Key())
}

// most is how many questions at most were put about one image that is not there:
// one for each credential and kind of node.
func (p *OnceProber) most() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := 0
	for _, keys := range p.missing {
		count = max(count, len(keys))
	}
	return count
}

// forgetMissing has the questions about what is not there put anew.
func (p *OnceProber) forgetMissing() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, keys := range p.missing {
		p.findings.forget(keys)
	}
	p.missing = nil
}

// Tags lists tags, from memory where they were listed before.
func (p *OnceProber) Tags(_ context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	key := listKey{image.Name(), credential.Fingerprint()}
	list, err := p.lists.ask(p.run, key, func(ctx context.Context) (list tagList, err error) { //nolint:contextcheck // an answer is for all who ask, not for the first
		err = p.inTurn(ctx, func(ctx context.Context) { list.tags, list.err = p.prober.Tags(ctx, image, credential) })
		return list, err
	})
	if err != nil {
		return nil, err
	}
	return list.tags, list.err
}

// inTurn puts a question when there is room for it; its time runs from then on.
func (p *OnceProber) inTurn(ctx context.Context, put func(context.Context)) error {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ctx, cancel := clock.Limit(ctx, answerLimit)
	defer cancel()
	put(ctx)
	return nil
}

// ask asks a registry, unless it has been silent.
func (p *OnceProber) ask(ctx context.Context, query pull.Query) pull.Finding {
	name := reference.Domain(query.Image)
	if last, silent := p.silent(name); silent {
		return last
	}
	start := time.Now()
	finding := p.prober.Probe(ctx, query)
	p.answered(name, finding, time.Since(start))
	return finding
}

// silent tells whether a registry has been, and what it came to.
func (p *OnceProber) silent(name string) (last pull.Finding, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[name]
	if h == nil || h.silent < maxSilence {
		return pull.Finding{}, false
	}
	return h.last, true
}

// answered takes down what came of a question, and how long it took.
func (p *OnceProber) answered(name string, finding pull.Finding, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[name]
	if h == nil {
		h = &host{}
		p.hosts[name] = h
	}
	h.last, h.slowest = finding, max(h.slowest, took)
	h.silent++
	if finding.Reason != pull.Timeout && finding.Reason != pull.RegistryUnreachable {
		h.silent = 0
	}
}

// Slowest names the registry that took longest for an answer, and how long;
// "" before the first one.
func (p *OnceProber) Slowest() (name string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for candidate, h := range p.hosts {
		if h.slowest > took {
			name, took = candidate, h.slowest
		}
	}
	return name, took
}
