package check

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// podSecrets are the pull secrets of a template's Pods, by name.
type podSecrets struct {
	source *ManifestSource
	keys   []types.NamespacedName
}

// podSecretsOf returns those of a template: its own, else those of its
// ServiceAccount.
func podSecretsOf(ctx context.Context, s *ManifestSource, namespace string, t *workload.Template) podSecrets {
	secrets := podSecrets{source: s}
	names := t.PullSecrets
	if len(names) == 0 && t.InheritsSecrets {
		account, err := s.ServiceAccount(ctx, namespace, t.ServiceAccount)
		if err != nil {
			return secrets
		}
		for _, reference := range account.ImagePullSecrets {
			names = append(names, reference.Name)
		}
	}
	for _, name := range names {
		if name != "" {
			secrets.keys = append(secrets.keys, types.NamespacedName{Namespace: namespace, Name: name})
		}
	}
	return secrets
}

// annotate says of a result where its pull secrets are, and which are not.
func (p podSecrets) annotate(result *report.Result) {
	if result.Verdict == pull.Skipped {
		return
	}
	result.Notes = slices.Clone(result.Notes) // uses of one image share theirs
	for i := range result.Notes {
		note := &result.Notes[i]
		if note.Secret.Kind != pull.FromSecret {
			continue
		}
		key := keyOf(note.Secret)
		note.Message += p.source.placeText(key)
		if note.Reason == pull.PullSecretMissing {
			note.Message += p.source.twin(key)
		}
	}
	result.Notes = append(p.missing(), result.Notes...)
	result.Message += p.places(result)
}

// missing are the notes on pull secrets that the manifests lack, where no
// cluster was asked that may have them.
func (p podSecrets) missing() (notes []pull.Note) {
	if p.source.cluster != nil {
		return nil
	}
	for i, key := range p.keys {
		if !p.source.isGiven(key) && !slices.Contains(p.keys[:i], key) {
			notes = append(notes, pull.Note{Reason: pull.PullSecretMissing, Secret: pull.Secret(key.Namespace, key.Name),
				Message: "pull secret " + key.String() + ": " + p.source.notGiven(key) + ": see that it exists where the Pods will run"})
		}
	}
	return notes
}

// places tells where the pull secrets are with which something is wrong.
func (p podSecrets) places(result *report.Result) string {
	var about []types.NamespacedName
	if result.Reason == pull.PullSecretMalformed { // it says no more than that it is one of them
		about = p.keys
	}
	for _, attempt := range result.Credentials {
		if attempt.Source.Kind == pull.FromSecret && attempt.Outcome == pull.Rejected && result.Verdict != pull.Pullable {
			about = append(about, keyOf(attempt.Source))
		}
	}
	text := ""
	for i, key := range about {
		if place := p.source.placeText(key); place != "" && !slices.Contains(about[:i], key) {
			text += "; pull secret " + key.String() + place
		}
	}
	return text
}

// keyOf reads the name of a pull secret's source.
func keyOf(source pull.Source) types.NamespacedName {
	namespace, name, _ := strings.Cut(source.Name, "/")
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// unfilledHint is what to do where a pull secret is not filled in yet.
func (p podSecrets) unfilledHint() string {
	for _, key := range p.keys {
		_, made := p.source.makerOf(key)
		if known := p.source.secrets[key]; made && known == nil || known != nil && known.unfilled {
			return "give the pull secret decrypted and filled in, log in with `docker login`, or let --cluster read it"
		}
	}
	return ""
}
