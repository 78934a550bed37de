package resolver

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// nearestTags returns the tags that were probably meant: first the nearest by
// spelling, then the last version before and the first one after, among tags
// of the same form.
func nearestTags(wanted string, tags []string) []string {
	var near []string
	add := func(tag string) {
		if tag != "" && !slices.Contains(near, tag) && len(near) < maxSuggestions {
			near = append(near, tag)
		}
	}
	before, after := versionNeighbours(wanted, tags)
	add(nearestSpelling(wanted, tags))
	add(before)
	add(after)
	return near
}

// nearestSpelling returns the tag with the least edit distance, the highest
// version of several, or "" where none is near.
func nearestSpelling(wanted string, tags []string) string {
	best, distance := "", max(1, len(wanted)/2)+1
	for _, tag := range tags {
		d := levenshtein.ComputeDistance(wanted, tag)
		if d < distance || d == distance && best != "" && compareVersions(tag, best) > 0 {
			best, distance = tag, d
		}
	}
	return best
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

// form is a tag with each number replaced by a zero: equal for "1.27-alpine"
// and "1.9-alpine".
func form(tag string) string {
	var b strings.Builder
	for _, part := range parts(tag) {
		if unicode.IsDigit(rune(part[0])) {
			part = "0"
		}
		b.WriteString(part)
	}
	return b.String()
}

// compareVersions compares tags part by part, numbers by their value.
func compareVersions(a, b string) int {
	return slices.CompareFunc(parts(a), parts(b), func(x, y string) int {
		if unicode.IsDigit(rune(x[0])) && unicode.IsDigit(rune(y[0])) {
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
		}
		return cmp.Compare(x, y)
	})
}

// parts splits a tag into runs of digits and of other characters.
func parts(tag string) []string {
	var result []string
	start := 0
	for i := 1; i <= len(tag); i++ {
		if i == len(tag) || unicode.IsDigit(rune(tag[i])) != unicode.IsDigit(rune(tag[i-1])) {
			result = append(result, tag[start:i])
			start = i
		}
	}
	return result
}

// withTag writes a reference as it was, with another tag.
func withTag(written, tag string) string {
	name, _, _ := strings.Cut(written, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return name + ":" + tag
}
