package keyring

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/pullgate/pullgate/resolver/pull"
)

// dockerHubKey is where the kubelet finds Docker Hub's credentials when
// nothing else matches. Entries for https://index.docker.io/v1/ have this key.
const dockerHubKey = "index.docker.io"

// index holds credentials by key. It is one of the kubelet's keyrings: the
// Pod's secrets make one, the node's configuration another, all credential
// providers together a third.
type index struct {
	slots map[string]*slot
	// order is the descending order of bytes of the keys, so that of two
	// matching paths the longer comes first.
	order []*slot
}

// slot is one key with its credentials, in the order in which they came.
type slot struct {
	key         string
	glob        address
	credentials []pull.Credential
}

// add puts in what one source holds.
func (ix *index) add(source pull.Source, config dockerConfig) {
	if ix.slots == nil {
		ix.slots = make(map[string]*slot)
	}
	for _, location := range config.locations() {
		key, ok := keyOf(location)
		if !ok {
			continue
		}
		found := ix.slots[key]
		if found == nil {
			found = newSlot(key)
			ix.slots[key] = found
			ix.order = append(ix.order, found)
		}
		entry := config[location]
		found.credentials = append(found.credentials, pull.NewCredential(source, entry.username, entry.password))
	}
}

// newSlot reads the key once more, as the kubelet does for every look-up: a
// path can hold what was escaped before and now means something else. A key
// that no longer parses has no labels and covers nothing.
func newSlot(key string) *slot {
	glob, err := parseAddress(key)
	if err != nil {
		glob = address{}
	}
	return &slot{key: key, glob: glob}
}

// sort is to be called once, after the last add.
func (ix *index) sort() {
	slices.SortFunc(ix.order, func(a, b *slot) int { return cmp.Compare(b.key, a.key) })
}

// lookup returns every credential that matches, in the kubelet's order
// (BasicDockerKeyring.Lookup).
func (ix *index) lookup(repository string) []pull.Credential {
	var found []pull.Credential
	if target, err := parseAddress(repository); err == nil {
		for _, s := range ix.order {
			if s.glob.covers(target) {
				found = append(found, s.credentials...)
			}
		}
	}
	if len(found) > 0 || !onDockerHub(repository) {
		return found
	}
	if hub := ix.slots[dockerHubKey]; hub != nil {
		return hub.credentials
	}
	return nil
}

// distinct drops credentials whose values came before.
func distinct(credentials []pull.Credential) []pull.Credential {
	var kept []pull.Credential
	seen := make(map[[sha256.Size]byte]bool, len(credentials))
	for _, credential := range credentials {
		print := credential.Fingerprint()
		if !seen[print] {
			seen[print] = true
			kept = append(kept, credential)
		}
	}
	return kept
}
