package golden

import (
	"regexp"
	"strings"
)

// Normalise takes out of a text what differs from one run to the next, and
// puts it on one line.
func Normalise(text string) string {
	for _, change := range []struct{ pattern, with string }{
		{`sha256:[0-9a-f]{64}`, "sha256:…"},
		{`127\.0\.0\.1:\d+->`, ""},
		{`lookup (\S+?)( on \S+)?: .*`, "lookup $1: no such host"},
		{`net/http: HTTP/1.x transport connection broken: `, ""},
		{`\S+/tmpmounts/containerd-mount\d+`, "{mount}"},
		{`extract-\d+-\S+`, "extract-{id}"},
		{`/\S+/container_images_storage\d+/`, "{store}/"},
		{`current time \S+ is after \S+`, "current time is after its end"},
	} {
		text = regexp.MustCompile(change.pattern).ReplaceAllString(text, change.with)
	}
	return strings.Join(strings.Fields(text), " ")
}
