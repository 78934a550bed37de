package webhook

import "bytes"

// members calls each for every name and value of a JSON object, in their order,
// without reading the values: most of an AdmissionReview is an object that is
// read by others, or not at all. It tells whether the text could be followed;
// of values it checks no more than where they end. Names with escapes, which no
// API server writes, are not followed.
func members(text []byte, each func(name string, value []byte) bool) bool {
	text = skipSpace(text)
	if !begins(text, '{') {
		return false
	}
	text = skipSpace(text[1:])
	if begins(text, '}') {
		return len(skipSpace(text[1:])) == 0
	}
	for {
		end := valueEnd(text)
		if end < 2 || text[0] != '"' || bytes.IndexByte(text[:end], '\\') >= 0 {
			return false
		}
		name := text[1 : end-1]
		if text = skipSpace(text[end:]); !begins(text, ':') {
			return false
		}
		text = skipSpace(text[1:])
		if end = valueEnd(text); end <= 0 || !each(string(name), text[:end]) {
			return false
		}
		text = skipSpace(text[end:])
		switch {
		case begins(text, '}'):
			return len(skipSpace(text[1:])) == 0
		case !begins(text, ','):
			return false
		}
		text = skipSpace(text[1:])
	}
}

// valueEnd returns where the value at a text's beginning ends; 0 where it does
// not.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			length := stringEnd(text[i:])
			if length == 0 {
				return 0
			}
			if i += length - 1; depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // of what the value, a number say, stands in
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return 0
}

// stringEnd returns where the string at a text's beginning ends; 0 where it does
// not.
func stringEnd(text []byte) int {
	for from := 1; ; {
		quote := bytes.IndexByte(text[from:], '"')
		if quote < 0 {
			return 0
		}
		quote += from
		escapes := 0
		for text[quote-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return quote + 1
		}
		from = quote + 1
	}
}

func skipSpace(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }

func begins(text []byte, with byte) bool { return len(text) > 0 && text[0] == with }
