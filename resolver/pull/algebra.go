package pull

import (
	"iter"
	"slices"
)

// The algebra of findings: a refusal stands only if it stands on every way on
// which an image may come to a node, and what nobody knows is never a refusal.
// All of it is pure, and asks for no more findings than it needs.

// AnyOf is the finding where one way that leads on is enough: the first that
// is not broken. Where all are, the image is, and the first says why. Of no way
// at all nothing is known.
func AnyOf(ways iter.Seq[Finding]) Finding {
	var first *Finding
	for finding := range ways {
		if finding.Reason.Verdict() != Broken {
			return finding
		}
		if first == nil {
			first = &finding
		}
	}
	return orUnknown(first)
}

// InTurn is the finding where ways are gone one after the other until one
// succeeds, as the kubelet does with credentials: the first that is pullable;
// else the first of which nothing is known; else, of all that are broken, what
// was said of the image to whom was let in; else the refusal, which is one of
// the login only if all are.
func InTurn(findings []Finding) Finding {
	pullable := func(f Finding) bool { return f.Reason.Verdict() == Pullable }
	notBroken := func(f Finding) bool { return f.Reason.Verdict() != Broken }
	letIn := func(f Finding) bool { return !f.Reason.Refused() }
	for _, wanted := range []func(Finding) bool{pullable, notBroken, letIn} {
		if i := slices.IndexFunc(findings, wanted); i >= 0 {
			return findings[i]
		}
	}
	return refusal(findings)
}

// refusal is the last of those that refused a credential, or the first.
func refusal(findings []Finding) Finding {
	if len(findings) == 0 {
		return Finding{}
	}
	refused := findings[0]
	for _, finding := range findings {
		if finding.Reason == CredentialsRejected {
			finding.LoginFailed = finding.LoginFailed && refused.LoginFailed
			refused = finding
		}
	}
	return refused
}

// Part is what was found for some of the nodes.
type Part[Of any] struct {
	// Of tells which nodes these are.
	Of Of
	Finding
}

// AllOf is the finding for nodes of several kinds, any of which may get the
// Pod. If nothing is known for one of them, nothing is: the first such finding
// is the answer. If all are broken, the image is: the first says why. If all
// are pullable, the last is the answer, with the notes of all. Where they
// differ, it is pullable, and differ has notes on those that are not.
func AllOf[Of any](parts iter.Seq[Part[Of]], differ func(broken []Part[Of]) []Note) (finding Finding, all []Part[Of]) {
	var good, bad *Finding
	var notes []Note
	var broken []Part[Of]
	for part := range parts {
		all = append(all, part)
		switch part.Reason.Verdict() {
		case Pullable:
			good = &part.Finding
			notes = append(notes, part.Notes...)
		case Broken:
			broken = append(broken, part)
			if bad == nil {
				bad = &part.Finding
			}
		default:
			return part.Finding, all
		}
	}
	if good == nil {
		return orUnknown(bad), all
	}
	good.Notes = slices.Concat(notes, differ(broken))
	return *good, all
}

// Or is the finding where nodes go this way or another, and nobody can tell
// which: broken only if both are, with this one's words. Other is asked for only
// if this one is broken. Where it is pullable, note is the word on those nodes
// that go this way.
func (f Finding) Or(other func() Finding, note func(refused, pullable Finding) Note) Finding {
	if f.Reason.Verdict() != Broken {
		return f
	}
	switch second := other(); second.Reason.Verdict() {
	case Broken:
		return f
	case Pullable:
		second.Notes = append(slices.Clone(second.Notes), note(f, second))
		return second
	default:
		return second
	}
}

// InDoubt takes a refusal back of which something is not known: what stays is
// unknown, for the reason that is given. Other findings stay as they are, and so
// does the refusal where the reason is no unknown one.
func (f Finding) InDoubt(reason Reason, why string) Finding {
	if f.Reason.Verdict() != Broken || reason.Verdict() != Unknown {
		return f
	}
	f.Reason, f.Doubt = reason, why
	return f
}

// Unless is the finding, or another where it is broken.
func (f Finding) Unless(broken Finding) Finding {
	if f.Reason.Verdict() == Broken {
		return broken
	}
	return f
}

func orUnknown(finding *Finding) Finding {
	if finding == nil {
		return Finding{}
	}
	return *finding
}
