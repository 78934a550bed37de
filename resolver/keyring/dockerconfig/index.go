package dockerconfig

import (
	"cmp"
	"slices"

	"github.com/pullgate/pullgate/resolver/pull"
)

// dockerHubKey is where the kubelet finds Docker Hub's credentials when
// nothing else matches. Entries for https://index.docker.io/v1/ have this key.
const dockerHubKey = "index.docker.io"

// Index holds credentials by key. It is one of the kubelet's keyrings: the
// Pod's secrets make one, the node's configuration another, all credential
// providers together a third.
type Index struct {
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

// Add puts in what one source holds.
func (ix *Index) Add(source pull.Source, config Config) {
	if ix.slots == nil {
		ix.slots = make(map[string]*slot)
	}
	for _, location := range config.Locations() {
		key, ok := KeyOf(location)
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
		credential := pull.NewCredential(source, entry.Username, entry.Password)
		if entry.Differs {
			credential = credential.With(pull.AuthDiffers)
		}
		found.credentials = append(found.credentials, credential)
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

// Sort is to be called once, after the last Add.
func (ix *Index) Sort() {
	slices.SortFunc(ix.order, func(a, b *slot) int { return cmp.Compare(b.key, a.key) })
}

// Lookup returns every credential that matches, in the kubelet's order
// (BasicDockerKeyring.Lookup).
func (ix *Index) Lookup(repository string) []pull.Credential {
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
