package worlds

import (
	"fmt"
	"strings"
)

const preface = `# What does Pullgate say of my registry?

Registries differ in what they say of an image that cannot be had. This page is
made by tests that ask a fake of each, which answers as the real one does
(` + "`go test ./resolver/worlds -update`" + `); what the reasons mean is told in
[reasons.md](reasons.md).

The images are indexes, asked for on nodes of linux/amd64 by Pods of the
namespace ` + "`shop`" + ` with the pull secret ` + "`regcred`" + ` or none. Requests are those for
manifests (HEAD and GET), tokens and tag lists when an image is asked for first.
What is there costs nothing more while ` + "`cache.positiveTTL`" + ` lasts, and one HEAD
after it; what is refused is asked for anew each time.
`

// describe begins the part of a world.
func (w world) describe(page *strings.Builder) {
	fmt.Fprintf(page, "\n## %s\n\n`%s`. %s\n\n", w.name, w.host, w.about)
	page.WriteString("| what is asked for | verdict | what is said | requests |\n|---|---|---|---|\n")
}

// describe writes the line of a visit.
func (v visit) describe(page *strings.Builder, a told) {
	said := a.Message
	if a.Hint != "" {
		said += "; " + a.Hint
	}
	for _, note := range a.Notes {
		said += "; " + note.Message
	}
	if said == "" {
		said = "–"
	}
	fmt.Fprintf(page, "| %s | `%s` | %s | %s |\n", v.title, a.Reason, strings.ReplaceAll(said, "|", `\|`), a.cost)
}
