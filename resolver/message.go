package resolver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// describe makes the result of an answer, but for what helps.
func (c *imageCheck) describe(a answer) Result {
	result := Result{
		Resolved: pulledName(c.named), Digest: a.finding.Digest.String(),
		Reason: a.finding.Reason, Verdict: a.verdict(), Node: a.finding.Node,
		Credentials: a.attempts, Notes: slices.Concat(a.match.Notes, a.rejectedNotes(), a.finding.Notes, c.unpinnedNote(a)),
	}
	if result.Verdict == pull.Pullable {
		return result
	}
	if result.Verdict == pull.Unknown {
		result.Node = ""
	}
	result.Summary = c.words(a)
	result.Message = result.Summary + c.evidence(a, result.Summary)
	switch {
	case a.short:
		result.Hint = "name the registry, too: " + c.named.String()
	case result.Reason == pull.PresentOnNodes:
		result.Hint = "correct the image or its pull secret: other nodes fail"
	case result.Reason == pull.NodeCredentialsUnknown && a.match.Incomplete == "" && !a.match.Hidden && c.authFile(&a):
		result.Hint = "add a pull secret, or set nodes.dockerConfig to what CRI-O has for global_auth_file"
	case result.Reason == pull.NodeCredentialsUnknown && a.match.Incomplete == "":
		result.Hint = hiddenHint(a, c.named)
	}
	return result
}

// pulledName is a reference as a node pulls it: with a digest, the tag counts
// for nothing.
func pulledName(named reference.Named) string {
	if digested, ok := named.(reference.Digested); ok {
		return named.Name() + "@" + digested.Digest().String()
	}
	return named.String()
}

// evidence is what was said, and with which credentials was asked, as far as
// the summary and the node's words do not tell it already.
func (c *imageCheck) evidence(a answer, summary string) string {
	reason, detail := a.finding.Reason, a.finding.Detail
	if a.match.Malformed != nil { // which the summary says
		return ""
	}
	text := ""
	told := strings.HasSuffix(summary, detail) || reason.Refused() && strings.Contains(a.finding.Node, detail)
	if !told {
		text = ": " + detail
	}
	if tried := triedWith(a.attempts); tried != "" && matters(reason) {
		text += ", " + tried
	}
	explained := reason == pull.NodeCredentialsUnknown || reason == pull.PresentOnNodes
	if a.match.Incomplete != "" && a.verdict() == pull.Unknown && !explained {
		text += "; " + a.match.Incomplete
	}
	return text
}

// matters tells whether it is of interest with what was asked.
func matters(reason pull.Reason) bool {
	switch reason {
	case pull.CredentialsRequired: // the very point
		return false
	case pull.RegistryUnreachable, pull.RegistryError, pull.UntrustedCertificate, pull.Timeout, pull.AddressForbidden:
		return false // it would have been the same
	default:
		return true
	}
}

// words puts a reason into words.
func (c *imageCheck) words(a answer) string {
	if a.verdict() == pull.Broken {
		return brokenWords(a, reference.Domain(c.named))
	}
	return c.unknownWords(a, reference.Domain(c.named))
}

func brokenWords(a answer, host string) string {
	switch a.finding.Reason {
	case pull.TagNotFound:
		return "tag not found"
	case pull.DigestNotFound:
		return "digest not found"
	case pull.RepositoryNotFound:
		return "repository not found"
	case pull.CredentialsRequired:
		return fmt.Sprintf("%s wants credentials for it, or does not have it", host)
	case pull.CredentialsRejected:
		if a.finding.LoginFailed {
			return fmt.Sprintf("%s refused every matching credential", host)
		}
		return fmt.Sprintf("%s refused every matching credential, or does not have it", host)
	case pull.PullSecretMalformed:
		return fmt.Sprintf("pull secret %s makes the kubelet fail every pull of the Pod: %s", a.match.Malformed.Secret, a.match.Malformed.Text)
	case pull.PlatformMismatch:
		return "no image for the nodes' platforms"
	case pull.UnsupportedImage:
		return "not an image that nodes can pull"
	case pull.BlobMissing:
		return "parts of the image are gone from the registry"
	default:
		return "nodes cannot pull it"
	}
}

func (c *imageCheck) unknownWords(a answer, host string) string {
	switch a.finding.Reason {
	case pull.RateLimited:
		return fmt.Sprintf("not checked: %s limits the rate of requests", host)
	case pull.RegistryUnreachable:
		return fmt.Sprintf("not checked: %s cannot be reached", host)
	case pull.UntrustedCertificate:
		return fmt.Sprintf("not checked: the certificate of %s is not trusted here", host)
	case pull.Timeout:
		return fmt.Sprintf("not checked: %s did not answer in time", host)
	case pull.NodeCredentialsUnknown:
		if a.match.Incomplete != "" {
			return "not known: " + a.match.Incomplete
		}
		if a.said.NotFound() {
			return fmt.Sprintf("not known: %s does not show it, but nodes may hold credentials for it that pullgate does not", host)
		}
		return fmt.Sprintf("not known: %s refused, but nodes may hold credentials for it that pullgate does not", host)
	case pull.AddressForbidden:
		return fmt.Sprintf("not checked: %s leads to an address that is not dialled on behalf of a Pod", host)
	case pull.PresentOnNodes:
		return fmt.Sprintf("%s; %s", refusalWords(a, host), c.presentOn())
	case "": // see ownFault
		return internalError
	default:
		if a.finding.Doubt != "" {
			return "not known: " + a.finding.Doubt
		}
		return fmt.Sprintf("not checked: %s gave no usable answer", host)
	}
}

// refusalWords say what would be the matter on a node that has not the image.
func refusalWords(a answer, host string) string {
	if a.said.Refused() {
		return host + " would refuse it"
	}
	a.finding.Reason = a.said
	return brokenWords(a, host)
}

// triedWith names the credentials that were tried.
func triedWith(attempts []pull.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	if len(attempts) == 1 && attempts[0].Source.Kind == pull.FromNobody {
		return "asked without credentials"
	}
	var tried []string
	for _, attempt := range attempts {
		tried = append(tried, fmt.Sprintf("%s (%s)", attempt.Source, attempt.Outcome))
	}
	return "asked with " + strings.Join(tried, ", ")
}

// inWords spells a source of credentials as people do.
func inWords(source pull.Source) string {
	if source.Kind == pull.FromSecret {
		return "pull secret " + source.Name
	}
	return source.String()
}

// rejectedNotes are the word on secrets that were refused though another one
// worked.
func (a *answer) rejectedNotes() []pull.Note {
	if a.verdict() != pull.Pullable {
		return nil
	}
	var notes []pull.Note
	for _, attempt := range a.attempts {
		if attempt.Outcome == pull.Rejected {
			notes = append(notes, pull.Note{Reason: pull.PullSecretRejected, Secret: attempt.Source,
				Message: inWords(attempt.Source) + " was refused, though another one works: renew it, or take it from the list"})
		}
	}
	return notes
}

// unpinnedNote gives the digest to pin, with the reference as it was written.
func (c *imageCheck) unpinnedNote(a answer) []pull.Note {
	_, pinned := c.named.(reference.Digested)
	tagged, ok := c.named.(reference.Tagged)
	if !c.resolver.Unpinned || pinned || !ok || a.finding.Digest == "" || a.verdict() != pull.Pullable {
		return nil
	}
	return []pull.Note{{Reason: pull.UnpinnedTag, Message: fmt.Sprintf("pin %s@%s, since the tag %s can move",
		c.image.Reference, a.finding.Digest, tagged.Tag())}}
}

// dropHelpfulSecrets removes the word on secrets that do not match one image
// but do match another of the same workload: such a secret is in its place.
func dropHelpfulSecrets(results []Result) {
	helpful := map[pull.Source]bool{}
	for _, result := range results {
		for _, attempt := range result.Credentials {
			helpful[attempt.Source] = true
		}
	}
	for i, result := range results {
		if result.Verdict != pull.Pullable {
			continue // what does not match may be the very cause
		}
		var kept []pull.Note // a list of its own: uses of one image share theirs
		for _, note := range result.Notes {
			if note.Reason != pull.PullSecretUnmatched || !helpful[note.Secret] {
				kept = append(kept, note)
			}
		}
		results[i].Notes = kept
	}
}
