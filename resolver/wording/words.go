package wording

import (
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Words are what is said of one image. Each is one line.
type Words struct {
	// Summary says what is the matter in a few words.
	Summary string
	// Evidence says how that is known: what the registry said, and with which
	// credentials it was asked. May be empty.
	Evidence string
	// Message is the summary and the evidence in one sentence.
	Message string
	// Hint is a thing to do, in one sentence; may be empty.
	Hint string
	// Node is what the kubelet would report, where that is known.
	Node string
}

// Plain are the words of a text that says all.
func Plain(text string) Words { return Words{Summary: text, Message: text} }

// support adds what the words rest on.
func (w *Words) support(parts []part) {
	w.Message = w.Summary
	for i, part := range parts {
		if i > 0 {
			w.Evidence += part.separator
		}
		w.Evidence += part.text
		w.Message += part.separator + part.text
	}
}

// part is a piece of evidence, with what stands before it.
type part struct{ separator, text string }

// source spells a source of credentials as people do.
func source(s pull.Source) string {
	if s.Kind == pull.FromSecret {
		return "pull secret " + s.Name
	}
	return s.String()
}

func host(f *pull.Facts) string { return reference.Domain(f.Named) }
