package manifest

import (
	"bytes"
	"encoding/json"
)

// withoutComments tells whether a text is JSON but for comments, and for commas
// behind what is last, as programs have it in their settings.
func withoutComments(text []byte) bool {
	plain := stripComments(text)
	return len(plain) < len(text) && json.Valid(stripCommas(plain))
}

// onlyComments tells whether a text is nothing but comments, of YAML or of such
// settings.
func onlyComments(text []byte) bool {
	for line := range bytes.Lines(stripComments(text)) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// stripComments takes // and /* */ away where they are not in a string.
func stripComments(text []byte) []byte {
	return rewrite(text, func(rest []byte) (n int) {
		var end int
		switch {
		case bytes.HasPrefix(rest, []byte("//")):
			end = bytes.IndexByte(rest, '\n')
		case bytes.HasPrefix(rest, []byte("/*")):
			if end = bytes.Index(rest, []byte("*/")); end >= 0 {
				end += len("*/")
			}
		default:
			return 0
		}
		if end < 0 {
			return len(rest)
		}
		return end
	})
}

// stripCommas takes away commas before a closing bracket.
func stripCommas(text []byte) []byte {
	return rewrite(text, func(rest []byte) (n int) {
		if rest[0] != ',' {
			return 0
		}
		next := bytes.TrimLeft(rest[1:], " \t\r\n")
		if len(next) > 0 && (next[0] == '}' || next[0] == ']') {
			return 1
		}
		return 0
	})
}

// rewrite returns a text without what drop says, which is asked at each byte
// that is not in a string.
func rewrite(text []byte, drop func(rest []byte) (n int)) []byte {
	kept := make([]byte, 0, len(text))
	inString := false
	for i := 0; i < len(text); i++ {
		switch {
		case inString && text[i] == '\\' && i+1 < len(text):
			kept = append(kept, text[i])
			i++
		case text[i] == '"':
			inString = !inString
		case !inString:
			if n := drop(text[i:]); n > 0 {
				i += n - 1
				continue
			}
		}
		kept = append(kept, text[i])
	}
	return kept
}
