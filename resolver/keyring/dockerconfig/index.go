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

// Logins are a configuration's entries as they are matched and tried, of no
// source yet; in the order of their locations.
type Logins []login

// login is an entry, by the key of its location.
type login struct {
	key        string
	glob       address
	credential pull.Credential
}

// Logins reads the entries once, for many an Index.
func (c Config) Logins() Logins {
	logins := make(Logins, 0, len(c))
	for _, location := range c.Locations() {
		key, ok := KeyOf(location)
		if !ok {
			continue
		}
		entry := c[location]
		credential := pull.NewCredential(pull.Source{}, entry.Username, entry.Password)
		if entry.Differs {
			credential = credential.With(pull.AuthDiffers)
		}
		logins = append(logins, login{key: key, glob: globOf(key), credential: credential})
	}
	return logins
}

// globOf reads a key once more, as the kubelet does for every look-up: a
// path can hold what was escaped before and now means something else. A key
// that no longer parses has no labels and covers nothing.
func globOf(key string) address {
	glob, err := parseAddress(key)
	if err != nil {
		return address{}
	}
	return glob
}

// Add puts in what one source holds.
func (ix *Index) Add(source pull.Source, logins Logins) {
	if ix.slots == nil {
		ix.slots = make(map[string]*slot)
	}
	for i := range logins {
		one := &logins[i]
		found := ix.slots[one.key]
		if found == nil {
			found = &slot{key: one.key, glob: one.glob}
			ix.slots[one.key] = found
			ix.order = append(ix.order, found)
		}
		found.credentials = append(found.credentials, one.credential.From(source))
	}
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
			switch {
			case !s.glob.covers(target):
			case found == nil:
				found = slices.Clip(s.credentials)
			default:
				found = append(found, s.credentials...)
			}
		}
	}
	if len(found) > 0 || !onDockerHub(repository) {
		return found
	}
	if hub := ix.slots[dockerHubKey]; hub != nil {
		return slices.Clip(hub.credentials)
	}
	return nil
}
