package policy

import "time"

// Accepts tells whether a broken image is known to be, at a time.
func (a *Auditing) Accepts(namespace, image string, now time.Time) bool {
	for i := range a.Accepted {
		if a.Accepted[i].counts(namespace, image, now) {
			return true
		}
	}
	return false
}

func (a *Acceptance) counts(namespace, image string, now time.Time) bool {
	last, err := time.Parse(time.DateOnly, a.Until)
	return err == nil && now.Before(last.AddDate(0, 0, 1)) &&
		(len(a.Namespaces) == 0 || matchAny(a.Namespaces, namespace)) &&
		(len(a.Images) == 0 || matchAny(a.Images, spellings(image)...))
}
