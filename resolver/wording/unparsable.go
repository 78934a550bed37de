package wording

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// maxQuoted is how long a name may be that is repeated in messages.
const maxQuoted = 512

// unparsable are the words on a reference that the kubelet cannot parse
// (pkg/util/parsers/parsers.go, ParseImageName).
func unparsable(entry pull.Entry, f *pull.Facts) Words {
	if f.NoPods {
		words := Plain("no image name: the API server will refuse its Pods")
		words.Hint = "write the image's name"
		return words
	}
	words := Words{Summary: entry.Summary}
	words.support([]part{{": ", strings.TrimPrefix(f.Unparsable.Error(), reference.ErrReferenceInvalidFormat.Error()+": ")}})
	if len(f.Written) > maxQuoted {
		return words // nobody wants to read it thrice
	}
	words.Node = fmt.Sprintf("Failed to apply default image tag %q: couldn't parse image name %q: %v", f.Written, f.Written, f.Unparsable)
	words.Hint = slip(f.Written)
	return words
}

// slip names the usual slips.
func slip(written string) string {
	trimmed := strings.TrimSpace(written)
	_, withoutScheme, scheme := strings.Cut(trimmed, "://")
	switch {
	case trimmed != written:
		return "take the white space away around the name"
	case scheme && parses(withoutScheme):
		return "take the scheme away: " + withoutScheme
	case parses(strings.ToLower(written)):
		return "write it in lower case: " + strings.ToLower(written)
	default:
		return "write [REGISTRY/]REPOSITORY[:TAG][@DIGEST] with a repository of lower-case letters, digits and single separators"
	}
}

func parses(name string) bool {
	_, err := reference.ParseNormalizedNamed(name)
	return err == nil
}
