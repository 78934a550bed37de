package wording

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// maxQuoted is how long a name may be that is repeated in messages.
const maxQuoted = 512

// grammar is what to write where nothing more precise is known.
const grammar = "write [REGISTRY/]REPOSITORY[:TAG][@DIGEST] with a repository of lower-case letters, digits and single separators"

// unparsable are the words on a reference that the kubelet cannot parse
// (pkg/util/parsers/parsers.go, ParseImageName): which part is at fault, and the
// usual cause.
func unparsable(entry pull.Entry, f *pull.Facts) Words {
	fault := workload.FaultOf(f.Written)
	if f.NoPods {
		return noPods(fault, f.Written)
	}
	words := Words{Summary: entry.Summary, Hint: remedy(fault, f.Written)}
	words.support([]part{{": ", where(fault) + " " + cause(fault, f.Unparsable)}})
	if len(f.Written) > maxQuoted {
		words.Hint = grammar
		return words // nobody wants to read it thrice
	}
	words.Node = fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", f.Written, f.Written, f.Unparsable)
	return words
}

// noPods are the words on a name with which no Pod comes to be, so that no node
// will ever see it.
func noPods(fault workload.NameFault, written string) Words {
	words := Plain("no image name: the API server will refuse its Pods")
	words.Hint = "write the image's name"
	if fault.Cause != workload.EmptyName {
		words = Plain("white space around the image's name: the API server will refuse its Pods")
		words.Hint = "take the white space away" + blockScalar(written)
	}
	return words
}

// blockScalar tells of YAML's way to end a text with a line break.
func blockScalar(written string) string {
	if strings.HasSuffix(written, "\n") {
		return ": write the name on the line of its key, or |- in the place of |, which keeps the line break"
	}
	return ""
}

// where names the part at fault.
func where(fault workload.NameFault) string {
	if fault.Part == workload.WholeName {
		return "it"
	}
	if fault.Text == "" {
		return "the " + string(fault.Part)
	}
	return fmt.Sprintf("the %s %q", fault.Part, shortened(fault.Text))
}

func shortened(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// cause says what is wrong with it, as far as the usual causes go.
func cause(fault workload.NameFault, err error) string {
	switch fault.Cause {
	case workload.WhiteSpace:
		return "has white space in or around it"
	case workload.Placeholder:
		return "has a placeholder that nobody filled in"
	case workload.KoImportPath:
		return "is an import path for ko, which has to build it first"
	case workload.Scheme:
		return "is that of a URL"
	case workload.UpperCase:
		return "has upper-case letters"
	case workload.NothingAfterColon, workload.EmptyName:
		return "is empty"
	case workload.RewrittenNumber:
		return "is a number that YAML or Helm rewrote"
	case workload.PlusSign:
		return "has a +, which no tag may have"
	case workload.NameTooLong:
		return "is too long"
	case workload.ImageID:
		return "is an image's ID"
	case workload.DigestLength:
		return "has not as many digits as its algorithm gives"
	default:
		return "is not valid: " + strings.TrimPrefix(err.Error(), reference.ErrReferenceInvalidFormat.Error()+": ")
	}
}

// remedy says what to write.
func remedy(fault workload.NameFault, written string) string {
	switch fault.Cause {
	case workload.WhiteSpace:
		return "take the white space away" + blockScalar(written)
	case workload.Placeholder:
		return "render the manifest before it is applied, with a value for it"
	case workload.KoImportPath:
		return "apply what `ko resolve` makes of the manifest"
	case workload.Scheme:
		return "take the scheme away: " + strings.TrimPrefix(strings.TrimSpace(written), fault.Text)
	case workload.UpperCase:
		return "write it in lower case: " + strings.ToLower(written)
	case workload.NothingAfterColon, workload.EmptyName:
		return fmt.Sprintf("write the %s, or look at the variable that should have it", fault.Part)
	case workload.RewrittenNumber:
		return "put the tag into quotes where it is first written, in values or on the command line (helm's --set-string)"
	case workload.PlusSign:
		return "push it under a tag with _ or - in the place of the +, as is usual for versions with build metadata"
	case workload.ImageID:
		return "write the repository and the digest: REPOSITORY@sha256:" + fault.Text
	case workload.DigestLength:
		return "copy the whole digest: sha256 has 64 hexadecimal digits"
	default:
		return grammar
	}
}
