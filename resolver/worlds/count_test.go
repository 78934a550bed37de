package worlds

import (
	"fmt"
	"strings"
)

// count is what finding something out cost a registry and its token server.
type count struct{ head, get, token, tags, blob int }

// String names what was asked at all: "2 HEAD, 1 GET, 2 tokens".
func (c count) String() string {
	var parts []string
	for _, part := range []struct {
		number int
		one    string
		more   string
	}{{c.head, "HEAD", ""}, {c.get, "GET", ""}, {c.blob, "blob", "s"}, {c.token, "token", "s"}, {c.tags, "tag list", "s"}} {
		switch {
		case part.number == 1:
			parts = append(parts, "1 "+part.one)
		case part.number > 1:
			parts = append(parts, fmt.Sprintf("%d %s%s", part.number, part.one, part.more))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
