package resolver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
)

const (
	// helpFor bounds the search for what helps, within what is left of the
	// deadline.
	helpFor = 2 * time.Second
	// maxElsewhere is on how many registries an image is looked for that names
	// none.
	maxElsewhere = 8
)

// search looks further than to the image itself, before a refusal.
type search struct {
	*imageCheck
	trial *trial

	listed  bool
	tagList []string
	tagErr  error
}

// tags lists the repository's tags, once.
func (s *search) tags(ctx context.Context) ([]string, error) {
	if !s.listed {
		ctx, cancel := context.WithTimeout(ctx, helpFor)
		defer cancel()
		s.tagList, s.tagErr = s.resolver.Registry.Tags(ctx, s.named, s.trial.welcome())
		s.listed = true
	}
	return s.tagList, s.tagErr
}

// settle makes the reason of a refusal the one that stays: a list of tags may
// tell that there is no such repository. It comes before the reason is counted,
// or a rule asks for it.
func (s *search) settle(ctx context.Context, f *pull.Facts) {
	if f.Finding.Reason != pull.TagNotFound {
		return
	}
	if _, err := s.tags(ctx); errors.Is(err, registry.ErrRepositoryUnknown) {
		f.Finding.Reason = pull.RepositoryNotFound
		f.Finding.Detail = reference.Domain(s.named) + " knows no repository of that name"
	}
}

// help finds what helps.
func (s *search) help(ctx context.Context, f *pull.Facts) {
	ctx, cancel := context.WithTimeout(ctx, helpFor)
	defer cancel()
	switch f.Finding.Reason {
	case pull.TagNotFound, pull.RepositoryNotFound, pull.CredentialsRequired:
		if s.elsewhere(ctx, f) {
			return
		}
	default:
	}
	switch f.Finding.Reason {
	case pull.TagNotFound:
		s.helpTag(ctx, f)
	case pull.DigestNotFound:
		s.helpDigest(ctx, f)
	case pull.CredentialsRequired:
		f.Help.Note = unhelpfulSecret(s.trial.match.Notes)
	default: // the facts tell already what helps
	}
}

// helpTag suggests tags.
func (s *search) helpTag(ctx context.Context, f *pull.Facts) {
	tagged, ok := s.named.(reference.Tagged)
	if !ok {
		return
	}
	tags, err := s.tags(ctx)
	f.Help.Unlisted = err != nil
	f.Help.Listed = slices.Contains(tags, tagged.Tag())
	if f.Help.Listed {
		return
	}
	f.Help.Untagged = !strings.HasSuffix(s.image.Reference, ":"+tagged.Tag())
	for _, tag := range nearestTags(tagged.Tag(), validTags(s.named, tags)) {
		f.Help.Suggestions = append(f.Help.Suggestions, withTag(s.image.Reference, tag))
	}
}

// helpDigest looks whether the tag beside a digest still exists.
func (s *search) helpDigest(ctx context.Context, f *pull.Facts) {
	_, digested := s.named.(reference.Digested)
	tagged, ok := s.named.(reference.Tagged)
	if !ok || !digested {
		return
	}
	byTag, err := reference.WithTag(reference.TrimNamed(s.named), tagged.Tag())
	if err != nil {
		return
	}
	finding := s.resolver.probe(ctx, s.template.pod.Namespace, s.template.query(byTag, s.trial.welcome()))
	if finding.Reason != pull.ReasonPullable {
		return
	}
	f.Help.Digest = finding.Digest
	f.Help.Suggestions = []string{strings.SplitN(s.image.Reference, "@", 2)[0] + "@" + finding.Digest.String()}
}

// unhelpfulSecret is the word on the pull secret that should have helped.
func unhelpfulSecret(notes []pull.Note) string {
	for _, reason := range []pull.NoteReason{pull.PullSecretMissing, pull.PullSecretIgnored, pull.PullSecretUnmatched} {
		if i := slices.IndexFunc(notes, func(note pull.Note) bool { return note.Reason == reason }); i >= 0 {
			return notes[i].Message
		}
	}
	return ""
}

// elsewhere looks for an image without a registry in its name on the
// registries for which there are pull secrets.
func (s *search) elsewhere(ctx context.Context, f *pull.Facts) bool {
	if first, _, _ := strings.Cut(s.image.Reference, "/"); reference.Domain(s.named) != "docker.io" || strings.HasSuffix(first, "docker.io") {
		return false
	}
	ring := s.trial.ring
	for _, host := range ring.Hosts()[:min(len(ring.Hosts()), maxElsewhere)] {
		candidate, err := reference.ParseNormalizedNamed(host + "/" + s.image.Reference)
		if err != nil || reference.Domain(candidate) == "docker.io" {
			continue
		}
		candidate = reference.TagNameOnly(candidate)
		for _, credential := range ring.Lookup(ctx, candidate).Credentials {
			if s.resolver.probe(ctx, s.template.pod.Namespace, s.template.query(candidate, credential)).Reason == pull.ReasonPullable {
				f.Help.Elsewhere = host + "/" + s.image.Reference
				f.Help.Suggestions = []string{f.Help.Elsewhere}
				return true
			}
		}
	}
	return false
}
