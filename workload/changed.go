package workload

import "slices"

// Changed returns what of the current object needs a look: of a template whose
// pull secrets or service account are others than before, and of one that is
// new, all images; of any other the images that the old template did not have.
// An image volume is one that the old template did not have, too, once a
// container mounts it. Nothing else is a reason to look, be it a label, a
// container's name or a pull policy. Templates without such images are left out. Templates are told apart
// by their field.
func Changed(old, current Workload) Workload {
	before := make(map[string]Template, len(old.Templates))
	for _, t := range old.Templates {
		before[t.Field] = t
	}
	templates := current.Templates
	current.Templates = nil
	for _, t := range templates {
		if was, ok := before[t.Field]; ok && samePull(was, t) {
			t.Images = added(was.Images, t.Images)
		}
		if len(t.Images) > 0 {
			current.Templates = append(current.Templates, t)
		}
	}
	return current
}

// samePull tells whether two templates come by the same credentials.
func samePull(a, b Template) bool {
	return a.ServiceAccount == b.ServiceAccount && slices.Equal(a.PullSecrets, b.PullSecrets)
}

// added returns the images that were not there before.
func added(before, now []Image) []Image {
	seen := make(map[use]bool, len(before))
	for _, i := range before {
		u := useOf(i)
		seen[u] = true
		u.mounted = false // that a volume is mounted no longer is no news
		seen[u] = true
	}
	var added []Image
	for _, i := range now {
		if !seen[useOf(i)] {
			added = append(added, i)
		}
	}
	return added
}

// use tells images of a template apart. Of ephemeral containers each is one of
// its own: they are only ever added, to try something.
type use struct {
	reference, ephemeral string
	mounted              bool
}

// useOf returns the use that an image is.
func useOf(i Image) use {
	if i.Role == EphemeralContainer {
		return use{i.Reference, i.Container, true}
	}
	return use{reference: i.Reference, mounted: i.Mounted}
}
