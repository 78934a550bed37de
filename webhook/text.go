package webhook

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain makes one line of a text, and cuts it. The API server drops warnings
// with control characters (apimachinery pkg/util/net/http.go,
// NewWarningHeader), and they have no place on anybody's terminal.
func plain(text string, limit int) string {
	text = cut(text, limit)
	if strings.IndexFunc(text, unprintable) < 0 && utf8.ValidString(text) {
		return text
	}
	clean := strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r // bytes that are no character become U+FFFD, which is longer
	}, text)
	return cut(clean, limit)
}

func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

// cut shortens a text to so many bytes, between characters.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
