package report

import "github.com/pullgate/pullgate/resolver/pull"

// rule explains a reason.
type rule struct {
	ID    string
	Level string // error, warning or note
	// Short says what it means, and Help what to do.
	Short, Help string
}

// rules explains every reason of a catalogue that wants looking at, and every
// note.
func rules(catalogue pull.Catalogue) []rule {
	var all []rule
	for _, level := range []struct {
		of   pull.Verdict
		name string
	}{{pull.Broken, "error"}, {pull.Unknown, "warning"}} {
		for _, entry := range catalogue.With(level.of) {
			all = append(all, rule{string(entry.Reason), level.name, entry.Meaning, entry.Help})
		}
	}
	for _, note := range catalogue.Notes {
		all = append(all, rule{string(note.Reason), "note", note.Meaning, note.Help})
	}
	return append(all, rule{unreadable, "error", "A manifest cannot be read.",
		"Correct the file at the given line. What is in it was not checked."})
}

// unreadable is the rule of problems.
const unreadable = "UnreadableManifest"
