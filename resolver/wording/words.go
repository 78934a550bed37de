package wording

import (
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// InternalError is what is said of an image that a bug of ours kept from being
// checked.
const InternalError = "not checked: an internal error of pullgate"

// pending is what is said where there was no time left to ask.
const pending = "not checked in time"

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

// Describe puts facts into words. Of what is pullable there is nothing to say,
// unless no node would ask.
func Describe(f *pull.Facts) Words {
	entry, known := f.Finding.Reason.Entry()
	if !known {
		return Plain(InternalError)
	}
	return describe(entry, f)
}

// Plain are the words of a text that says all.
func Plain(text string) Words { return Words{Summary: text, Message: text} }

func describe(entry pull.Entry, f *pull.Facts) Words {
	switch {
	case f.Open:
		return Plain("no image is named here: the custom resource's controller fills it in")
	case f.Pending:
		return Plain(pending)
	case f.Unparsable != nil:
		return unparsable(entry, f)
	case f.Never:
		return neverPulled(f)
	case entry.Verdict == pull.Pullable:
		return Words{Node: f.Finding.Node}
	}
	words := Words{Summary: summary(entry, f), Hint: hint(entry, f)}
	if entry.Verdict == pull.Broken {
		words.Node = f.Finding.Node
	}
	words.support(evidence(entry, f, words.Summary))
	return words
}

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

// evidence is what was said, and with which credentials was asked, as far as
// the summary and the node's words do not tell it already.
func evidence(entry pull.Entry, f *pull.Facts, summary string) []part {
	if f.Malformed != nil { // which the summary says
		return nil
	}
	var parts []part
	detail := f.Finding.Detail
	told := detail == "" || strings.HasSuffix(summary, detail) ||
		entry.Reason.Refused() && strings.Contains(f.Finding.Node, detail)
	if !told {
		parts = append(parts, part{": ", detail})
	}
	if tried := triedWith(f.Attempts); tried != "" && !entry.Same {
		parts = append(parts, part{", ", tried})
	}
	explained := entry.Reason == pull.NodeCredentialsUnknown || entry.Reason == pull.PresentOnNodes
	if f.Incomplete != "" && entry.Verdict == pull.Unknown && !explained {
		parts = append(parts, part{"; ", f.Incomplete})
	}
	return parts
}

// triedWith names the credentials that were tried.
func triedWith(attempts []pull.Attempt) string {
	if len(attempts) == 0 {
		return ""
	}
	if len(attempts) == 1 && attempts[0].Source.Kind == pull.FromNobody {
		return "asked without credentials"
	}
	var tried []string
	for _, attempt := range attempts {
		tried = append(tried, attempt.Source.String()+" ("+string(attempt.Outcome)+")")
	}
	return "asked with " + strings.Join(tried, ", ")
}

// source spells a source of credentials as people do.
func source(s pull.Source) string {
	if s.Kind == pull.FromSecret {
		return "pull secret " + s.Name
	}
	return s.String()
}

func host(f *pull.Facts) string { return reference.Domain(f.Named) }
