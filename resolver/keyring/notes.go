package keyring

import (
	"fmt"
	"strings"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxShown is how many of a secret's registries a message lists.
const maxShown = 4

// notes are the word on a secret that helps with no image at all.
func (s *secret) notes() []pull.Note {
	switch {
	case s.missing:
		return []pull.Note{{Reason: pull.PullSecretMissing, Secret: s.source, Message: fmt.Sprintf(
			"%s does not exist, and nodes pull without it: create it, or take its name from the list", s)}}
	case s.ignored != "":
		return []pull.Note{{Reason: pull.PullSecretIgnored, Secret: s.source, Message: fmt.Sprintf(
			"%s %s: create it with `kubectl create secret docker-registry`", s, s.ignored)}}
	default:
		return nil
	}
}

// unhelpful is the word on every secret that was read and still gives no
// credential for this repository.
func unhelpful(secrets []*secret, repository string, matching []pull.Credential) []pull.Note {
	var notes []pull.Note
	matched, named := make(map[pull.Source]bool), make(map[pull.Source]bool)
	for _, credential := range matching {
		matched[credential.Source()] = true
		named[credential.Source()] = named[credential.Source()] || !credential.IsAnonymous()
	}
	for _, s := range secrets {
		switch {
		case !s.readable(), named[s.source]:
		case matched[s.source]:
			notes = append(notes, s.empty(repository))
		default:
			notes = append(notes, s.unmatched(repository))
		}
	}
	return notes
}

func (s *secret) readable() bool {
	return !s.missing && s.unread == nil && s.ignored == "" && s.malformed == ""
}

// empty is the word on an entry that matches without a user name. Nodes then
// ask without a credential, and try no other way.
func (s *secret) empty(repository string) pull.Note {
	return pull.Note{Reason: pull.PullSecretIgnored, Secret: s.source, Message: fmt.Sprintf(
		"%s has an entry for %s without a user name: nodes read only username, password and auth, "+
			"not identitytoken, registrytoken, credsStore or credHelpers, so put a user name and a password into it", s, repository)}
}

// unmatched is the word on a secret that is for other registries.
func (s *secret) unmatched(repository string) pull.Note {
	message := fmt.Sprintf("%s has no entry for %s: ", s, repository)
	if len(s.config) == 0 {
		message += s.withoutEntries()
	} else {
		message += "it is for " + s.registries()
		if hint := s.nearMiss(repository); hint != "" {
			message += "; " + hint
		}
	}
	return pull.Note{Reason: pull.PullSecretUnmatched, Secret: s.source, Message: message}
}

func (s *secret) withoutEntries() string {
	if s.legacy {
		return "it has none at all"
	}
	return `it has none at all under "auths", where nodes look for them`
}

// registries lists the registries for which the secret is.
func (s *secret) registries() string {
	locations := s.config.Locations()
	var shown []string
	for _, location := range locations[:min(len(locations), maxShown)] {
		shown = append(shown, dockerconfig.Show(location))
	}
	list := strings.Join(shown, ", ")
	if more := len(locations) - len(shown); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// nearMiss says how the first entry that nearly matches, if any, is to be
// written.
func (s *secret) nearMiss(repository string) string {
	if s.legacy && len(s.config) == 1 {
		if _, wrapped := s.config["auths"]; wrapped {
			return `a secret of type kubernetes.io/dockercfg has its entries at the top, not under "auths": ` +
				"make it one of type kubernetes.io/dockerconfigjson"
		}
	}
	return s.config.NearMiss(repository)
}
