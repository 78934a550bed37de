package resolver

import (
	"sync"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
	"github.com/pullgate/pullgate/workload"
)

// imageCheck is the check of one image, for all of its uses in a template.
type imageCheck struct {
	resolver *Resolver
	template *template
	image    workload.Image
	// crew is told before the check waits for others.
	crew *crew

	named reference.Named

	mu        sync.Mutex
	known     knowledge // what is known so far
	something bool      // whether that is anything
}

// knowledge is what is known of an image: facts, and notes on it and its pull
// secrets.
type knowledge struct {
	pull.Facts
	// pulled is the reference as a node pulls it.
	pulled string
	notes  []pull.Note
}

// publish makes known what is known, be it that what helps is still to come.
func (c *imageCheck) publish(known *knowledge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.something = *known, true
}

// published returns what is known by now.
func (c *imageCheck) published() knowledge {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.something {
		return c.known
	}
	return knowledge{Facts: pull.Facts{Written: c.image.Reference, Pending: true, Finding: pull.Finding{Reason: pull.Timeout}}}
}

// reported is what is known as a result.
func (k *knowledge) reported() Result {
	f := &k.Facts
	return Result{
		Resolved: k.pulled, Digest: f.Finding.Digest.String(), Verdict: f.Verdict(), Reason: f.Finding.Reason, Words: wording.Describe(f),
		Suggestions: f.Help.Suggestions, Credentials: f.Attempts, Notes: k.notes,
	}
}
