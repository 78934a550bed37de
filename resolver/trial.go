package resolver

import (
	"context"
	"fmt"
	"slices"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxTried bounds how many credentials are tried for one image. One secret can
// hold thousands of matching entries, which a kubelet would try all.
const maxTried = 32

// trial is what the credentials of a Pod came to.
type trial struct {
	ring    *keyring.Ring
	match   keyring.Match
	tried   []pull.Credential
	finding pull.Finding
	// outcomes are one for each that was tried, until one pulled; nil of what is
	// pullable: the first did.
	outcomes []pull.Outcome
	// joined says that a question was under way before this request came.
	joined bool
}

// ask looks the credentials up and tries them.
func (c *imageCheck) ask(ctx context.Context, ring *keyring.Ring) trial {
	if ring.Asks() {
		c.crew.another()
	}
	t, key := newTrial(ctx, c, ring)
	if malformed := t.match.Malformed; malformed != nil {
		t.finding = pull.Finding{Reason: pull.PullSecretMalformed, Detail: malformed.Text, Node: malformed.Text}
		return t
	}
	known := t.recall(c.resolver.Cache, key)
	c.resolver.looked(known)
	if known {
		return t
	}
	c.crew.another()
	findings := c.try(ctx, &t)
	t.finding, t.outcomes = pull.InTurn(findings), outcomesOf(t.tried, findings)
	if t.finding.Reason == pull.ReasonPullable {
		c.resolver.Cache.Put(key, remember(t.finding, t.outcomes))
	}
	return t
}

// newTrial looks the credentials for a check up, and says what is to be asked.
func newTrial(ctx context.Context, c *imageCheck, ring *keyring.Ring) (t trial, asks pull.Key) {
	t = trial{ring: ring, match: ring.Lookup(ctx, c.named)}
	t.tried = t.match.Credentials
	if len(t.tried) == 0 {
		t.tried = []pull.Credential{{}} // anonymously, which is never tried after a match
	}
	query := c.query(pull.Credential{})
	return t, query.KeyWith(t.tried...)
}

// recall takes the answer from a cache, if it is there.
func (t *trial) recall(from *Cache, key pull.Key) bool {
	kept, ok := from.Get(key)
	if ok {
		t.finding, t.outcomes = kept.finding.Finding(), kept.outcomes
	}
	return ok
}

// askAgain sees to it that a refusal is of this moment: the secrets are read
// anew, and the registry is asked again if they are others than those that were
// remembered, or if the answer was to somebody who had asked before.
func (c *imageCheck) askAgain(ctx context.Context, first trial) trial {
	ring := first.ring
	if c.template.fresh != nil {
		ring = c.template.fresh.open(ctx, c.crew.another)
	}
	match := ring.Lookup(ctx, c.named)
	if first.joined || first.match.Malformed != nil || match.Malformed != nil ||
		!slices.Equal(first.match.Credentials, match.Credentials) {
		return c.ask(ctx, ring)
	}
	first.ring, first.match = ring, match
	return first
}

// try asks with one credential after the other until one pulls, as the kubelet
// does (pkg/kubelet/kuberuntime/kuberuntime_image.go, PullImage).
func (c *imageCheck) try(ctx context.Context, t *trial) []pull.Finding {
	var findings []pull.Finding
	for i, credential := range t.tried {
		if i == maxTried {
			return append(findings, pull.Finding{Reason: pull.NodeCredentialsUnknown,
				Detail: fmt.Sprintf("%d credentials match, and the first %d were tried", len(t.tried), maxTried)})
		}
		answered := c.resolver.probe(ctx, c.template.pod.Namespace, c.query(credential))
		t.joined = t.joined || answered.joined
		findings = append(findings, answered.Finding)
		if answered.Reason == pull.ReasonPullable {
			break
		}
	}
	return findings
}

// query is the question about the check's image with a credential.
func (c *imageCheck) query(credential pull.Credential) pull.Query {
	query := c.template.query(c.named, credential)
	query.Layers = c.resolver.Layers
	if isShort(c.image.Reference) {
		query.Short = withDefaultTag(c.image.Reference, c.named)
	}
	return query
}

// outcomesOf reads the findings as what became of each credential.
func outcomesOf(tried []pull.Credential, findings []pull.Finding) []pull.Outcome {
	outcomes := make([]pull.Outcome, 0, len(findings))
	for i, finding := range findings {
		switch {
		case finding.Reason == pull.CredentialsRequired && !tried[i].IsAnonymous():
			outcomes = append(outcomes, pull.Unsent)
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
func (t *trial) attempts() []pull.Attempt {
	tried := t.tried[:min(len(t.tried), maxTried)]
	attempts := make([]pull.Attempt, 0, len(tried))
	for i, credential := range tried {
		attempt := pull.Attempt{Source: credential.Source(), Outcome: t.outcome(i), Flaws: credential.Flaws()}
		if attempt.Source.Kind == pull.FromSecret { // others are renewed by whoever gives them
			attempt.Expires = credential.Expires()
		}
		attempts = append(attempts, attempt)
	}
	return attempts
}

// outcome is what became of one credential.
func (t *trial) outcome(i int) pull.Outcome {
	switch {
	case i < len(t.outcomes):
		return t.outcomes[i]
	case i == 0 && t.finding.Reason == pull.ReasonPullable:
		return pull.Accepted
	default:
		return pull.Unused
	}
}

// welcome returns the credential with which the registry answered.
func (t *trial) welcome() pull.Credential {
	for i, credential := range t.tried {
		if t.outcome(i) == pull.Accepted {
			return credential
		}
	}
	return pull.Credential{}
}

// state puts what came of the trial into facts.
func (t *trial) state(f *pull.Facts) {
	f.Finding, f.Attempts = t.finding, t.attempts()
	f.Incomplete, f.Hidden = t.match.Incomplete, t.match.Hidden
	if t.match.Malformed != nil {
		malformed := pull.Malformed(*t.match.Malformed)
		f.Malformed, f.Attempts = &malformed, nil
	}
}
