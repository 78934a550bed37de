package resolver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// maxQuoted is how long a name may be that is repeated in messages.
const maxQuoted = 512

// maxTried bounds how many credentials are tried for one image. One secret can
// hold thousands of matching entries, which a kubelet would try all.
const maxTried = 32

// imageCheck is the check of one image, for all of its uses in a template.
type imageCheck struct {
	resolver *Resolver
	template *template
	image    workload.Image
	uses     []int

	named reference.Named

	mu     sync.Mutex
	result *Result // what is known so far; nil: nothing
}

// publish makes a result known, be it that what helps is still to come.
func (c *imageCheck) publish(result Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result = &result
}

// published returns what is known by now.
func (c *imageCheck) published() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result != nil {
		return *c.result
	}
	const message = "not checked in time"
	return Result{Reason: pull.Timeout, Verdict: pull.Unknown, Summary: message, Message: message}
}

// run follows the kubelet (pkg/kubelet/images/image_manager.go,
// EnsureImageExists): parse, pull policy, credentials, pull.
func (c *imageCheck) run(ctx context.Context) Result {
	if c.image.Reference == "" && c.template.Custom {
		return c.filledInLater()
	}
	named, err := workload.ParseReference(c.image.Reference)
	if err != nil {
		return c.invalidName(err)
	}
	c.named = reference.TagNameOnly(named)
	if c.image.Policy == corev1.PullNever {
		return c.neverPulled()
	}
	answer := c.ask(ctx, c.template.ring(ctx))
	if answer.verdict() == pull.Broken {
		answer = c.askAgain(ctx, answer)
	}
	answer.tags = sync.OnceValues(func() ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, helpFor)
		defer cancel()
		return c.resolver.Registry.Tags(ctx, c.named, answer.welcome())
	})
	c.doubtShortName(&answer)
	c.soften(&answer)
	if c.resolver.Observer != nil {
		c.resolver.Observer.Checked(reference.Domain(c.named), answer.finding.Reason)
	}
	result := c.describe(answer)
	if result.Verdict == pull.Broken {
		c.publish(result)
		c.help(ctx, answer, &result)
	}
	return result
}

// answer is what the credentials of a Pod came to.
type answer struct {
	ring     *keyring.Ring
	match    keyring.Match
	finding  pull.Finding
	tried    []pull.Credential
	attempts []pull.Attempt
	tags     func() ([]string, error)
	// joined says that a question was under way before this request came.
	joined bool
	// said is the registry's own reason, before it was softened.
	said pull.Reason
	// short is that what was found is in doubt for the name's being short.
	short bool
}

func (a *answer) verdict() pull.Verdict { return a.finding.Reason.Verdict() }

// ask looks the credentials up and tries them.
func (c *imageCheck) ask(ctx context.Context, ring *keyring.Ring) answer {
	a := answer{ring: ring, match: ring.Lookup(ctx, c.named)}
	if a.match.Malformed != nil {
		a.finding = pull.Finding{Reason: pull.PullSecretMalformed, Detail: a.match.Malformed.Text, Node: a.match.Malformed.Text}
		return a
	}
	a.tried = a.match.Credentials
	if len(a.tried) == 0 {
		a.tried = []pull.Credential{{}} // anonymously, which is never tried after a match
	}
	key := newCacheKey(c.named, a.tried, c.template.names)
	if kept, ok := c.cached(key); ok {
		a.finding, a.attempts = kept.finding, attempts(a.tried, kept.outcomes)
		return a
	}
	findings := c.try(ctx, &a)
	a.finding = decide(findings)
	outcomes := outcomesOf(findings)
	a.attempts = attempts(a.tried, outcomes)
	if a.verdict() == pull.Pullable {
		c.resolver.Cache.put(key, cached{finding: a.finding, outcomes: outcomes})
	}
	return a
}

// askAgain sees to it that a refusal is of this moment: the secrets are read
// anew, and the registry is asked again if they are others than those that were
// remembered, or if the answer was to somebody who had asked before.
func (c *imageCheck) askAgain(ctx context.Context, first answer) answer {
	ring := first.ring
	if c.template.fresh != nil {
		ring = c.template.fresh(ctx)
	}
	match := ring.Lookup(ctx, c.named)
	if first.joined || first.match.Malformed != nil || match.Malformed != nil ||
		!slices.Equal(first.match.Credentials, match.Credentials) {
		return c.ask(ctx, ring)
	}
	first.ring, first.match = ring, match
	return first
}

// cached looks a positive answer up.
func (c *imageCheck) cached(key cacheKey) (cached, bool) {
	kept, ok := c.resolver.Cache.get(key)
	if c.resolver.Observer != nil {
		c.resolver.Observer.Cached(ok)
	}
	return kept, ok
}

// try asks with one credential after the other until one pulls, as the kubelet
// does (pkg/kubelet/kuberuntime/kuberuntime_image.go, PullImage).
func (c *imageCheck) try(ctx context.Context, a *answer) []pull.Finding {
	var findings []pull.Finding
	for i, credential := range a.tried {
		if i == maxTried {
			return append(findings, pull.Finding{Reason: pull.NodeCredentialsUnknown,
				Detail: fmt.Sprintf("%d credentials match, and the first %d were tried", len(a.tried), maxTried)})
		}
		query := c.template.query(c.named, credential)
		query.Layers = c.resolver.Layers
		answered := c.resolver.probe(ctx, query, c.template.names)
		a.joined = a.joined || answered.joined
		findings = append(findings, answered.Finding)
		if answered.Reason == pull.ReasonPullable {
			break
		}
	}
	return findings
}

// decide makes one finding of those of all credentials: the first success;
// else, one unknown makes it unknown; else what the registry said of the image
// to whom it let in; else the refusal.
func decide(findings []pull.Finding) pull.Finding {
	last := findings[len(findings)-1]
	if last.Reason == pull.ReasonPullable {
		return last
	}
	refused := findings[0]
	var said *pull.Finding
	for i, finding := range findings {
		switch {
		case finding.Reason.Verdict() != pull.Broken:
			return finding
		case !finding.Reason.Refused():
			if said == nil {
				said = &findings[i]
			}
		case finding.Reason == pull.CredentialsRejected:
			finding.LoginFailed = finding.LoginFailed && refused.LoginFailed
			refused = finding
		}
	}
	if said != nil {
		return *said
	}
	return refused
}

// outcomesOf reads the findings as what became of each credential.
func outcomesOf(findings []pull.Finding) []pull.Outcome {
	outcomes := make([]pull.Outcome, 0, len(findings))
	for _, finding := range findings {
		switch {
		case finding.Reason.Refused():
			outcomes = append(outcomes, pull.Rejected)
		case finding.Reason.Verdict() == pull.Unknown:
			outcomes = append(outcomes, pull.Undecided)
		default:
			outcomes = append(outcomes, pull.Accepted)
		}
	}
	return outcomes
}

// attempts says what became of each credential. After one that pulls, the
// others are of no use.
func attempts(tried []pull.Credential, outcomes []pull.Outcome) []pull.Attempt {
	tried = tried[:min(len(tried), maxTried)]
	result := make([]pull.Attempt, 0, len(tried))
	for i, credential := range tried {
		outcome := pull.Unused
		if i < len(outcomes) {
			outcome = outcomes[i]
		}
		result = append(result, pull.Attempt{Source: credential.Source(), Outcome: outcome})
	}
	return result
}

// welcome returns the credential with which the registry answered.
func (a *answer) welcome() pull.Credential {
	for i, attempt := range a.attempts {
		if attempt.Outcome == pull.Accepted {
			return a.tried[i]
		}
	}
	return pull.Credential{}
}

// filledInLater is the verdict on an image that a custom resource leaves open.
func (c *imageCheck) filledInLater() Result {
	const message = "no image is named here: the custom resource's controller fills it in"
	return Result{Reason: pull.Exempt, Verdict: pull.Skipped, Summary: message, Message: message}
}

// refused tells whether the API server takes no Pod with the name, which it
// trims for containers alone (pkg/apis/core/validation/validation.go,
// validateContainerOnlyForPod and validateImageVolumeSource).
func (c *imageCheck) refused() bool {
	name := c.image.Reference
	return name == "" || strings.TrimSpace(name) == "" && c.image.Role != workload.Volume
}

// invalidName is the verdict on a reference that the kubelet cannot parse
// (pkg/util/parsers/parsers.go, ParseImageName).
func (c *imageCheck) invalidName(err error) Result {
	result := Result{Reason: pull.InvalidImageName, Verdict: pull.Broken}
	if c.refused() {
		result.Summary = "no image name: the API server will refuse its Pods"
		result.Message = result.Summary
		result.Hint = "write the image's name"
		return result
	}
	result.Summary = "not an image name that nodes can parse"
	result.Message = result.Summary + ": " + strings.TrimPrefix(err.Error(), reference.ErrReferenceInvalidFormat.Error()+": ")
	if len(c.image.Reference) > maxQuoted {
		return result // nobody wants to read it thrice
	}
	result.Node = fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", c.image.Reference, c.image.Reference, err)
	result.Hint = invalidNameHint(c.image.Reference)
	return result
}
