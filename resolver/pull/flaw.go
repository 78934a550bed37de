package pull

import (
	"regexp"
	"strings"
)

// Flaws are what is to be seen of a credential's values that people get wrong,
// without telling the values: a set.
type Flaws uint8

// The flaws.
const (
	// SpaceAtEnds: white space stands at an end of the user name or password,
	// such as the line break that echo adds.
	SpaceAtEnds Flaws = 1 << iota
	// QuotesAtEnds: quotation marks do.
	QuotesAtEnds
	// AuthDiffers: the entry's auth says something else than its username and
	// password. Nodes go by auth (Kubernetes pkg/credentialprovider/config.go,
	// UnmarshalJSON).
	AuthDiffers
	// Unfilled: a placeholder stands where a tool should have put a value.
	Unfilled
)

// Has tells whether the set holds a flaw.
func (f Flaws) Has(flaw Flaws) bool { return f&flaw != 0 }

// placeholder is what templates hold, by those who fill it in: Helm and Jinja,
// envsubst and Flux, secret managers, people.
var placeholder = regexp.MustCompile(`(?i)^(\{\{.*\}\}|\$\{.*\}|\$\(.*\)|<.*>|ref\+.*|vault:.*|enc\[.*\]|change-?me|your[-_](password|token|user(name)?))$`)

// flawsOf looks at one value.
func flawsOf(value string) (found Flaws) {
	trimmed := strings.TrimSpace(value)
	if trimmed != value {
		found |= SpaceAtEnds
	}
	if strings.HasPrefix(trimmed, `"`) || strings.HasSuffix(trimmed, `"`) || strings.HasPrefix(trimmed, `'`) || strings.HasSuffix(trimmed, `'`) {
		found |= QuotesAtEnds
	}
	if placeholder.MatchString(trimmed) {
		found |= Unfilled
	}
	return found
}
