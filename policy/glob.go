package policy

import (
	"strings"
	"unicode/utf8"
)

// matchGlob tells whether text matches a pattern in which * stands for any
// characters, slashes and colons too, and ? for one.
func matchGlob(pattern, text string) bool {
	star, resume := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && pattern[p] == '?':
			p++
			t += width(text[t:])
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			resume += width(text[resume:])
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// width is how many bytes the first character of a text has.
func width(text string) int {
	_, size := utf8.DecodeRuneInString(text)
	return size
}

// matchAny tells whether one of the texts matches one of the patterns.
func matchAny(patterns []string, texts ...string) bool {
	for _, pattern := range patterns {
		for _, text := range texts {
			if matchGlob(pattern, text) {
				return true
			}
		}
	}
	return false
}
