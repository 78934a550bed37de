package resolver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/distribution/reference"
)

// maxSuggestions is how many references are suggested at most.
const maxSuggestions = 3

// nearestTags returns the tags that were probably meant: the nearest by
// spelling, a longer or shorter form of the same version, the last version
// before and the first one after among tags of the same form. Where "latest"
// was meant, which many leave out, or a version that none of these is near to,
// it is the newest version.
func nearestTags(wanted string, tags []string) []string {
	before, after := versionNeighbours(wanted, tags)
	near := []string{nearestSpelling(wanted, tags), otherForm(wanted, tags), before, after}
	if wanted == "latest" || isVersion(wanted) && strings.Join(near, "") == "" {
		near = append(near, newest(tags))
	}
	var chosen []string
	for _, tag := range near {
		if tag != "" && tag != wanted && !slices.Contains(chosen, tag) && len(chosen) < maxSuggestions {
			chosen = append(chosen, tag)
		}
	}
	return chosen
}

// validTags leaves out what no reference could have for a tag: the list comes
// from a registry, and goes to people's terminals.
func validTags(image reference.Named, tags []string) []string {
	var valid []string
	for _, tag := range tags {
		if _, err := reference.WithTag(reference.TrimNamed(image), tag); err == nil {
			valid = append(valid, tag)
		}
	}
	return valid
}

// nearestSpelling returns the tag with the least edit distance, the highest
// version of several, or "" where none is near: a third of the characters may
// differ, or one of two.
func nearestSpelling(wanted string, tags []string) string {
	best, least := "", max(len(wanted)/3, min(len(wanted)/2, 1))
	for _, tag := range tags {
		if tag == wanted || len(tag)-len(wanted) > least || len(wanted)-len(tag) > least {
			continue
		}
		d := levenshtein.ComputeDistance(wanted, tag)
		if d < least || d == least && (best == "" || compareVersions(tag, best) > 0) {
			best, least = tag, d
		}
	}
	return best
}

// otherForm returns the tag that says more or less of the same version:
// "1.27.4" for "1.27", "3.18-alpine" for "3.18-alpine3.17". Of several it is
// the plainest, and of those the highest.
func otherForm(wanted string, tags []string) string {
	best := ""
	for _, tag := range tags {
		if !continues(tag, wanted) && !continues(wanted, tag) {
			continue
		}
		if best == "" || cmp.Or(cmp.Compare(letters(best), letters(tag)), compareVersions(tag, best)) > 0 {
			best = tag
		}
	}
	return best
}

// continues tells whether a tag goes on where another ends, and not in the
// middle of a number or word.
func continues(longer, shorter string) bool {
	rest, found := strings.CutPrefix(longer, shorter)
	return found && rest != "" && shorter != "" && kindOf(rest[0]) != kindOf(shorter[len(shorter)-1])
}

// letters counts what of a tag is no version.
func letters(tag string) int {
	count := 0
	for i := range len(tag) {
		if kindOf(tag[i]) == letter {
			count++
		}
	}
	return count
}

// versionNeighbours returns the tags next to the wanted one in version order,
// among those that differ from it in their numbers alone.
func versionNeighbours(wanted string, tags []string) (before, after string) {
	for _, tag := range tags {
		if form(tag) != form(wanted) {
			continue
		}
		switch c := compareVersions(tag, wanted); {
		case c < 0 && (before == "" || compareVersions(tag, before) > 0):
			before = tag
		case c > 0 && (after == "" || compareVersions(tag, after) < 0):
			after = tag
		}
	}
	return before, after
}

// newest returns the highest of the tags that are plain versions.
func newest(tags []string) string {
	best := ""
	for _, tag := range tags {
		if isVersion(tag) && letters(unprefixed(tag)) == 0 && (best == "" || compareVersions(tag, best) > 0) {
			best = tag
		}
	}
	return best
}

// isVersion tells whether a tag begins like a version.
func isVersion(tag string) bool {
	tag = unprefixed(tag)
	return tag != "" && kindOf(tag[0]) == digit
}

// unprefixed takes the v of a version away.
func unprefixed(tag string) string {
	if len(tag) > 1 && tag[0] == 'v' && kindOf(tag[1]) == digit {
		return tag[1:]
	}
	return tag
}

// form is a tag with each number replaced by a zero: equal for "1.27-alpine"
// and "v1.9-alpine".
func form(tag string) string {
	var b strings.Builder
	for _, part := range parts(tag) {
		if kindOf(part[0]) == digit {
			part = "0"
		}
		b.WriteString(part)
	}
	return b.String()
}

// compareVersions compares tags part by part, numbers by their value.
func compareVersions(a, b string) int {
	return slices.CompareFunc(parts(a), parts(b), func(x, y string) int {
		if kindOf(x[0]) == digit && kindOf(y[0]) == digit {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		}
		return cmp.Compare(x, y)
	})
}

// parts splits a tag, less its v, into runs of digits and of other characters.
func parts(tag string) []string {
	tag = unprefixed(tag)
	var runs []string
	start := 0
	for i := 1; i <= len(tag); i++ {
		if i == len(tag) || (kindOf(tag[i]) == digit) != (kindOf(tag[i-1]) == digit) {
			runs = append(runs, tag[start:i])
			start = i
		}
	}
	return runs
}

// kind is what a character of a tag is.
type kind uint8

const (
	separator kind = iota
	digit
	letter
)

func kindOf(c byte) kind {
	switch {
	case '0' <= c && c <= '9':
		return digit
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		return letter
	default:
		return separator
	}
}

// withTag writes a reference as it was, with another tag.
func withTag(written, tag string) string {
	name, _, _ := strings.Cut(written, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return name + ":" + tag
}
