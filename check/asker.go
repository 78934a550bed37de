package check

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// maxQuestions is how many questions are asked of registries at a time.
	maxQuestions = 32
	// answerLimit is how long one question waits for its answer.
	answerLimit = 15 * time.Second
	// maxSilence is after how many questions in a row without an answer a
	// registry is not asked any more.
	maxSilence = 3
)

// Asker asks every question once and remembers the answers, the bad ones too:
// what a run says is of its one moment. It gives up on a registry that does not
// answer, and tells how far it is.
type Asker struct {
	prober resolver.Prober
	slots  chan struct{}
	// run ends all questions; the resolver's own deadlines are for admission.
	run context.Context //nolint:containedctx // it is that of the Asker's life

	mu      sync.Mutex
	answers map[string]*answer
	hosts   map[string]*host
}

// answer is one question's, once done is closed.
type answer struct {
	done    chan struct{}
	finding pull.Finding
	tags    []string
	err     error
}

// host is what is known of a registry's answering.
type host struct {
	silent  int // questions in a row without an answer
	last    pull.Finding
	slowest time.Duration
}

// NewAsker returns an Asker that asks by way of prober until run ends.
func NewAsker(run context.Context, prober resolver.Prober) *Asker {
	return &Asker{
		prober: prober, run: run, slots: make(chan struct{}, maxQuestions),
		answers: map[string]*answer{}, hosts: map[string]*host{},
	}
}

// Probe answers a query, from memory where it was asked before.
func (a *Asker) Probe(_ context.Context, query pull.Query) pull.Finding {
	key := fmt.Sprintf("%s %x %v", query.Image, query.Credential.Fingerprint(), query.Layers)
	for _, platform := range query.Platforms {
		key += " " + platforms.FormatAll(platform)
	}
	answer := a.once(key, func(ctx context.Context, answer *answer) { //nolint:contextcheck // an answer is for all who ask, not for the first
		answer.finding = a.ask(ctx, query)
	})
	return answer.finding
}

// Tags lists tags, from memory where they were listed before.
func (a *Asker) Tags(_ context.Context, image reference.Named, credential pull.Credential) ([]string, error) {
	key := fmt.Sprintf("tags %s %x", image.Name(), credential.Fingerprint())
	answer := a.once(key, func(ctx context.Context, answer *answer) { //nolint:contextcheck // an answer is for all who ask, not for the first
		answer.tags, answer.err = a.prober.Tags(ctx, image, credential)
	})
	return answer.tags, answer.err
}

// once asks a question, or waits for who is asking it.
func (a *Asker) once(key string, ask func(context.Context, *answer)) *answer {
	a.mu.Lock()
	known, ok := a.answers[key]
	if !ok {
		known = &answer{done: make(chan struct{}), finding: pull.Finding{Reason: pull.Timeout, Detail: "interrupted"}, err: context.Canceled}
		a.answers[key] = known
	}
	a.mu.Unlock()
	if ok {
		<-known.done
		return known
	}
	defer close(known.done)
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-a.run.Done():
		return known
	}
	ctx, cancel := context.WithTimeout(a.run, answerLimit)
	defer cancel()
	ask(ctx, known)
	return known
}

// ask asks a registry, unless it has been silent.
func (a *Asker) ask(ctx context.Context, query pull.Query) pull.Finding {
	name := reference.Domain(query.Image)
	a.mu.Lock()
	h := a.hosts[name]
	if h == nil {
		h = &host{}
		a.hosts[name] = h
	}
	if h.silent >= maxSilence {
		finding := h.last
		a.mu.Unlock()
		return finding
	}
	a.mu.Unlock()
	start := time.Now()
	finding := a.prober.Probe(ctx, query)
	a.mu.Lock()
	defer a.mu.Unlock()
	h.slowest = max(h.slowest, time.Since(start))
	h.silent++
	if finding.Reason != pull.Timeout && finding.Reason != pull.RegistryUnreachable {
		h.silent = 0
	}
	h.last = finding
	return finding
}

// Slowest names the registry that took longest for an answer, and how long;
// "" before the first one.
func (a *Asker) Slowest() (name string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for candidate, h := range a.hosts {
		if h.slowest > took {
			name, took = candidate, h.slowest
		}
	}
	return name, took
}
