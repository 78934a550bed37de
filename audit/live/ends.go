package live

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// maxEnds is how many pull secrets have series of their own: those that end
// first.
const maxEnds = 1000

// secretEnd is when a pull secret is of no use any more.
type secretEnd struct {
	namespace, name string
	at              time.Time
}

// ends lists pull secrets that tell their end as those last saw them who looked
// with them, the earliest first. The caller holds the lock.
func (r *record) ends() []secretEnd {
	type seen struct{ looked, ends time.Time }
	last := map[string]seen{}
	for _, one := range r.of {
		if one == nil {
			continue
		}
		for secret, at := range one.ends {
			if one.at.After(last[secret].looked) {
				last[secret] = seen{one.at, at}
			}
		}
	}
	all := make([]secretEnd, 0, len(last))
	for secret, known := range last {
		namespace, name, _ := strings.Cut(secret, "/")
		all = append(all, secretEnd{namespace, name, known.ends})
	}
	slices.SortFunc(all, func(a, b secretEnd) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return all[:min(len(all), maxEnds)]
}
