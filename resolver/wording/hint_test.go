package wording

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Where only HEAD is answered wrongly it is the registry that has to be mended,
// not the image.
func TestHintOfHeadThatLies(t *testing.T) {
	for _, reason := range []pull.Reason{pull.TagNotFound, pull.DigestNotFound, pull.RepositoryNotFound} {
		f := &pull.Facts{Finding: pull.Finding{Reason: reason, HeadLies: true}, Help: pull.Remedy{Listed: true}}
		if got := hint(pull.Entry{Reason: reason}, f); !strings.HasPrefix(got, "mend the registry, or the proxy") {
			t.Errorf("%s: %s", reason, got)
		}
	}
}
