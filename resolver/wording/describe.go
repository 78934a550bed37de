package wording

import (
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// InternalError is what is said of an image that a bug of ours kept from being
// checked.
const InternalError = "not checked: an internal error of pullgate"

// pending is what is said where there was no time left to ask.
const pending = "not checked in time"

// Describe puts facts into words. Of what is pullable there is nothing to say,
// unless no node would ask.
func Describe(f *pull.Facts) Words {
	entry, known := f.Finding.Reason.Entry()
	if !known {
		return Plain(InternalError)
	}
	return describe(entry, f)
}

func describe(entry pull.Entry, f *pull.Facts) Words {
	switch {
	case f.FilledBy != "" && strings.TrimSpace(f.Written) == "":
		return Plain("no image is named here: " + f.FilledBy + " fills it in")
	case f.FilledBy != "":
		return Plain("not looked up: " + f.FilledBy + " puts another image in its place")
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
