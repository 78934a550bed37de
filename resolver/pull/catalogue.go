package pull

import "slices"

// Entry is all that is said of a reason in general. A new reason is one more.
type Entry struct {
	Reason  Reason
	Verdict Verdict
	// Summary says in a few words what is the matter with an image; {registry}
	// stands for the registry's host. Of what is skipped, the occasion tells.
	Summary string
	// Meaning is one sentence on what the reason means.
	Meaning string
	// Help is what to do, in general.
	Help string
	// Hint is what to do about an image where nothing more precise is known;
	// may be empty.
	Hint string
	// Same says that it would have been the same with other credentials.
	Same bool
}

// NoteEntry is all that is said of a note in general.
type NoteEntry struct {
	Reason        NoteReason
	Meaning, Help string
}

// Catalogue explains a closed set of reasons and notes, in the order in which
// they are documented.
type Catalogue struct {
	Reasons []Entry
	Notes   []NoteEntry
}

// Reason returns the entry of a reason. Without one its zero value is
// returned, which is unknown.
func (c *Catalogue) Reason(reason Reason) (Entry, bool) {
	for i := range c.Reasons {
		if c.Reasons[i].Reason == reason {
			return c.Reasons[i], true
		}
	}
	return Entry{}, false
}

// With returns the entries of one verdict.
func (c *Catalogue) With(verdict Verdict) []Entry {
	var entries []Entry
	for _, entry := range c.Reasons {
		if entry.Verdict == verdict {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Standard returns the catalogue of all reasons and notes.
func Standard() Catalogue {
	return Catalogue{Reasons: slices.Clone(standard.Reasons), Notes: slices.Clone(standard.Notes)}
}

// Known tells whether a reason is in the catalogue.
func (r Reason) Known() bool {
	_, known := standard.Reason(r)
	return known
}
