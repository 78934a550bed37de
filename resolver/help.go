package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
)

// helpFor bounds the search for hints, within what is left of the deadline.
const helpFor = 2 * time.Second

// maxElsewhere is on how many registries an image is looked for that names
// none.
const maxElsewhere = 8

// maxSuggestions is how many references are suggested at most.
const maxSuggestions = 3

// help adds what to do: a sentence, and references that would work. It runs
// only before a refusal.
func (c *imageCheck) help(ctx context.Context, a answer, result *Result) {
	ctx, cancel := context.WithTimeout(ctx, helpFor)
	defer cancel()
	switch a.finding.Reason {
	case pull.TagNotFound, pull.RepositoryNotFound:
		c.helpMissing(ctx, a, result)
	case pull.DigestNotFound:
		c.helpDigest(ctx, a, result)
	case pull.CredentialsRequired:
		c.helpRequired(ctx, a, result)
	case pull.CredentialsRejected:
		result.Hint = rejectedHint(a, c.named)
	case pull.PullSecretMalformed:
		result.Hint = fmt.Sprintf("create %s anew with `kubectl create secret docker-registry`", a.match.Malformed.Secret)
	case pull.PlatformMismatch:
		result.Hint = "build the image for these platforms too, or keep its Pods on nodes that it is for with a nodeSelector on kubernetes.io/arch"
	case pull.UnsupportedImage, pull.BlobMissing:
		result.Hint = "push the image again with a current builder"
	default: // of what was told without asking a registry, the verdict came with its hint
	}
}

// helpMissing suggests tags, or the registry that was meant.
func (c *imageCheck) helpMissing(ctx context.Context, a answer, result *Result) {
	if c.elsewhere(ctx, a, result) {
		return
	}
	if result.Reason == pull.TagNotFound {
		c.helpTag(a, result)
	}
	if result.Reason == pull.RepositoryNotFound {
		result.Hint = fmt.Sprintf("correct the repository's name, or push %s", reference.FamiliarString(c.named))
	}
}

// helpTag suggests tags. Their list may tell that there is no such repository.
func (c *imageCheck) helpTag(a answer, result *Result) {
	tags, err := a.tags()
	tagged, ok := c.named.(reference.Tagged)
	switch {
	case errors.Is(err, registry.ErrRepositoryUnknown):
		a.finding.Reason = pull.RepositoryNotFound
		a.finding.Detail = reference.Domain(c.named) + " knows no repository of that name"
		result.Reason, result.Summary = a.finding.Reason, c.words(a)
		result.Message = result.Summary + c.evidence(a, result.Summary)
		return
	case !ok:
		return
	case slices.Contains(tags, tagged.Tag()):
		result.Hint = "the registry lists this tag and does not give it to nodes, which ask for it by HEAD: push it again, or mend the registry or the proxy before it"
		return
	}
	for _, tag := range nearestTags(tagged.Tag(), validTags(c.named, tags)) {
		result.Suggestions = append(result.Suggestions, withTag(c.image.Reference, tag))
	}
	switch {
	case !strings.HasSuffix(c.image.Reference, ":"+tagged.Tag()):
		result.Hint = "no tag was given, and there is none called latest: name a tag" + suchAs(result.Suggestions)
	case len(result.Suggestions) > 0:
		result.Hint = "did you mean " + strings.Join(result.Suggestions, ", or ") + "?"
	default:
		result.Hint = fmt.Sprintf("correct the tag, or push %s", reference.FamiliarString(c.named))
		if err != nil {
			result.Hint += "; it may also be that the registry hides it from who asked, or has no such repository"
		}
	}
}

func suchAs(suggestions []string) string {
	if len(suggestions) == 0 {
		return ""
	}
	return ", such as " + suggestions[0]
}

// helpDigest looks whether the tag beside a digest still exists. Without one, it
// is an index that names what is not there.
func (c *imageCheck) helpDigest(ctx context.Context, a answer, result *Result) {
	if _, digested := c.named.(reference.Digested); !digested {
		result.Hint = "push the image again: the registry has only a part of it"
		return
	}
	result.Hint = "pin a digest that the registry still has"
	tagged, ok := c.named.(reference.Tagged)
	if !ok {
		return
	}
	byTag, err := reference.WithTag(reference.TrimNamed(c.named), tagged.Tag())
	if err != nil {
		return
	}
	finding := c.resolver.probe(ctx, c.template.query(byTag, a.welcome()), c.template.names)
	if finding.Reason != pull.ReasonPullable {
		return
	}
	pinned := strings.SplitN(c.image.Reference, "@", 2)[0] + "@" + finding.Digest.String()
	result.Suggestions = []string{pinned}
	result.Hint = fmt.Sprintf("the tag %s is there with another digest: pin %s", tagged.Tag(), finding.Digest)
}

// helpRequired says where a credential should come from.
func (c *imageCheck) helpRequired(ctx context.Context, a answer, result *Result) {
	if c.elsewhere(ctx, a, result) {
		return
	}
	for _, reason := range []pull.NoteReason{pull.PullSecretMissing, pull.PullSecretIgnored, pull.PullSecretUnmatched} {
		i := slices.IndexFunc(a.match.Notes, func(note pull.Note) bool { return note.Reason == reason })
		if i >= 0 {
			result.Hint = a.match.Notes[i].Message
			return
		}
	}
	result.Hint = fmt.Sprintf("correct the name, or add a pull secret for %s to imagePullSecrets of the Pod or of its ServiceAccount %s%s",
		reference.Domain(c.named), c.template.ServiceAccount, inBrackets(credentialFor(reference.Domain(c.named))))
}

// elsewhere looks for an image without a registry in its name on the
// registries for which there are pull secrets.
func (c *imageCheck) elsewhere(ctx context.Context, a answer, result *Result) bool {
	if first, _, _ := strings.Cut(c.image.Reference, "/"); reference.Domain(c.named) != "docker.io" || strings.HasSuffix(first, "docker.io") {
		return false
	}
	for _, host := range a.ring.Hosts()[:min(len(a.ring.Hosts()), maxElsewhere)] {
		candidate, err := reference.ParseNormalizedNamed(host + "/" + c.image.Reference)
		if err != nil || reference.Domain(candidate) == "docker.io" {
			continue
		}
		candidate = reference.TagNameOnly(candidate)
		for _, credential := range a.ring.Lookup(ctx, candidate).Credentials {
			query := c.template.query(candidate, credential)
			if c.resolver.probe(ctx, query, c.template.names).Reason == pull.ReasonPullable {
				result.Suggestions = []string{host + "/" + c.image.Reference}
				result.Hint = fmt.Sprintf("the name has no registry, so it means Docker Hub's; write %s, which is there", result.Suggestions[0])
				return true
			}
		}
	}
	return false
}

// rejectedNames lists the credentials that were refused.
func rejectedNames(attempts []pull.Attempt) string {
	var names []string
	for _, attempt := range attempts {
		if attempt.Outcome == pull.Rejected {
			names = append(names, inWords(attempt.Source))
		}
	}
	return strings.Join(names, ", ")
}

// invalidNameHint names the usual slips.
func invalidNameHint(written string) string {
	trimmed := strings.TrimSpace(written)
	_, withoutScheme, scheme := strings.Cut(trimmed, "://")
	switch {
	case trimmed != written:
		return "take the white space away around the name"
	case scheme && parses(withoutScheme):
		return "take the scheme away: " + withoutScheme
	case parses(strings.ToLower(written)):
		return "write it in lower case: " + strings.ToLower(written)
	default:
		return "write [REGISTRY/]REPOSITORY[:TAG][@DIGEST] with a repository of lower-case letters, digits and single separators"
	}
}

func parses(name string) bool {
	_, err := reference.ParseNormalizedNamed(name)
	return err == nil
}
