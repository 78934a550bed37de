package dockerconfig

import (
	"strconv"
	"strings"
)

// maxQuoted is how many characters of one name a message shows.
const maxQuoted = 100

// Show quotes an entry's address. What stands before an @ may be a password,
// what follows a ? a token; what is no address may be anything.
func Show(location string) string {
	text := location
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = text[at+1:]
	}
	if end := strings.IndexAny(text, "?#"); end >= 0 {
		text = text[:end]
	}
	if _, ok := KeyOf(strings.TrimSpace(location)); !ok {
		return "something that is no address"
	}
	return Quote(text)
}

// Quote quotes what people wrote, in ASCII and not at full length.
func Quote(text string) string {
	if len(text) > maxQuoted {
		text = text[:maxQuoted] + "..."
	}
	return strconv.QuoteToASCII(text)
}
