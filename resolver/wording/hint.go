package wording

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// hint says what to do, in one sentence: what the catalogue has for the reason,
// unless the facts tell more.
func hint(entry pull.Entry, f *pull.Facts) string {
	switch {
	case f.Finding.HeadLies:
		return "mend the registry, or the proxy before it: nodes ask for it by HEAD, which it answers otherwise than GET"
	case f.Finding.Forbidden:
		return "use an image that the nodes' registries.conf and policy.json allow, or allow this one there"
	case f.Short != "" && entry.Verdict == pull.Unknown:
		return "name the registry, too: " + f.Named.String()
	case f.Help.Elsewhere != "":
		return fmt.Sprintf("the name has no registry, so it means Docker Hub's; write %s, which is there", f.Help.Elsewhere)
	}
	switch entry.Reason {
	case pull.TagNotFound:
		return tagHint(f)
	case pull.RepositoryNotFound:
		return fmt.Sprintf("correct the repository's name, or push %s", reference.FamiliarString(f.Named))
	case pull.DigestNotFound:
		return digestHint(f)
	case pull.CredentialsRequired:
		return requiredHint(f)
	case pull.CredentialsRejected:
		return rejectedHint(f)
	case pull.PullSecretMalformed:
		return fmt.Sprintf("create %s anew with `kubectl create secret docker-registry`", f.Malformed.Secret)
	case pull.NodeCredentialsUnknown:
		return hiddenHint(entry, f)
	case pull.PlatformMismatch:
		return platformHint(entry, f)
	default:
		return entry.Hint
	}
}

// tagHint suggests tags.
func tagHint(f *pull.Facts) string {
	switch help := f.Help; {
	case help.Listed:
		return "the registry lists this tag and does not give it to nodes, which ask for it by HEAD: push it again, or mend the registry or the proxy before it"
	case help.Untagged && len(help.Suggestions) > 0:
		return "no tag was given, and there is none called latest: name a tag, such as " + help.Suggestions[0]
	case help.Untagged:
		return "no tag was given, and there is none called latest: name a tag"
	case len(help.Suggestions) > 0:
		return "did you mean " + strings.Join(help.Suggestions, ", or ") + "?"
	case help.Unlisted:
		return fmt.Sprintf("correct the tag, or push %s; it may also be that the registry hides it from who asked, or has no such repository", reference.FamiliarString(f.Named))
	default:
		return fmt.Sprintf("correct the tag, or push %s", reference.FamiliarString(f.Named))
	}
}

// digestHint says what the tag beside a digest stands for today. Without a
// digest in the reference, it is an index that names what is not there.
func digestHint(f *pull.Facts) string {
	tagged, isTagged := f.Named.(reference.Tagged)
	switch _, digested := f.Named.(reference.Digested); {
	case !digested:
		return "push the image again: the registry has only a part of it"
	case isTagged && f.Help.Digest != "":
		return fmt.Sprintf("the tag %s is there with another digest: pin %s", tagged.Tag(), f.Help.Digest)
	default:
		return "pin a digest that the registry still has"
	}
}

// requiredHint says where a credential should come from.
func requiredHint(f *pull.Facts) string {
	unsent := slices.ContainsFunc(f.Attempts, func(a pull.Attempt) bool { return a.Outcome == pull.Unsent })
	switch {
	case unsent:
		return "let " + host(f) + ", or the proxy before it, ask for Basic or Bearer credentials (WWW-Authenticate): nodes show theirs to nothing else"
	case f.Help.Note != "":
		return f.Help.Note
	}
	return fmt.Sprintf("correct the name, or add a pull secret for %s to imagePullSecrets of the Pod or of its ServiceAccount %s%s",
		host(f), f.ServiceAccount, inBrackets(credentialFor(host(f))))
}

// rejectedHint says what to do about credentials that were refused: first what is
// to be seen of them. With one that matches nodes never ask without, be the image
// public.
func rejectedHint(f *pull.Facts) string {
	rejected := rejectedSources(f.Attempts)
	if onlyClouds(rejected) {
		return cloudHint(f)
	}
	hint := flaw(f.Attempts) + "renew the password in " + list(rejected)
	if !f.Finding.LoginFailed {
		hint += ", or ask for pull access to " + reference.Path(f.Named)
	}
	hint += inBrackets(credentialFor(host(f)))
	if rejected[0].Kind == pull.FromSecret {
		hint += "; if the image is public, leave the secret out"
	}
	return hint
}

// flaw names what is to be seen of the first refused credential with a flaw.
func flaw(attempts []pull.Attempt) string {
	for _, attempt := range attempts {
		if attempt.Outcome != pull.Rejected {
			continue
		}
		in := source(attempt.Source)
		switch flaws := attempt.Flaws; {
		case flaws.Has(pull.Unfilled):
			return "fill in the placeholder that stands for the user name or password in " + in + "; else "
		case flaws.Has(pull.SpaceAtEnds):
			return "take away the white space at an end of the user name or password in " + in + " (echo adds a line break, echo -n does not); else "
		case flaws.Has(pull.QuotesAtEnds):
			return "take away the quotation marks at an end of the user name or password in " + in + "; else "
		case flaws.Has(pull.AuthDiffers):
			return "make auth say what username and password say in " + in + ": nodes go by auth; else "
		}
	}
	return ""
}

// hiddenHint says what to do where only nodes may know the right credential.
func hiddenHint(entry pull.Entry, f *pull.Facts) string {
	rejected := rejectedSources(f.Attempts)
	switch {
	case f.Incomplete != "":
		return ""
	case f.Settings:
		return "give pullgate the nodes' hosts.toml files by registries.hostsDir"
	case f.AuthFile && !f.Hidden:
		return "add a pull secret, or set nodes.dockerConfig to what CRI-O has for global_auth_file"
	case f.Said == pull.CredentialsRejected && onlyClouds(rejected):
		return cloudHint(f)
	case f.Said == pull.RepositoryNotFound && f.InCloud():
		return "correct the repository's name, push it, or, where pulls create it, let pullgate's identity do so as the nodes'"
	case f.Said == pull.CredentialsRejected:
		return "renew " + list(rejected) + inBrackets(credentialFor(host(f))) + ", or " + entry.Hint
	default:
		return entry.Hint
	}
}

// cloudHint says what to do about an identity that may not pull.
func cloudHint(f *pull.Facts) string {
	return "let the nodes' identity, and pullgate's that stands for it (" + list(rejectedSources(f.Attempts)) + "), pull " + reference.Path(f.Named)
}

// onlyClouds tells whether there was no other credential to renew than that of
// a cloud's identity, which renews itself.
func onlyClouds(rejected []pull.Source) bool {
	for _, source := range rejected {
		if source.Kind != pull.FromCloud {
			return false
		}
	}
	return true
}

// rejectedSources lists the credentials that were refused.
func rejectedSources(attempts []pull.Attempt) []pull.Source {
	var rejected []pull.Source
	for _, attempt := range attempts {
		if attempt.Outcome == pull.Rejected {
			rejected = append(rejected, attempt.Source)
		}
	}
	return rejected
}

func list(sources []pull.Source) string {
	var names []string
	for _, one := range sources {
		names = append(names, source(one))
	}
	return strings.Join(names, ", ")
}
