package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pullgate/pullgate/advice"
)

// Style is how an explanation is shown.
type Style struct {
	// Color is for a terminal.
	Color bool
}

// WriteText writes the answer for a person: what is the matter first, then the
// evidence, the time line and what to do.
func (e *Explanation) WriteText(w io.Writer, style Style) error {
	var b strings.Builder
	head := string(e.State)
	if e.Code != "" {
		head += "[" + e.Code + "]"
	}
	fmt.Fprintf(&b, "%s: %s\n", style.of(e.State, head), advice.Printable(e.Answer))
	switch {
	case e.sought:
		fmt.Fprintf(&b, "  the worst of the namespace's Pods: %s\n", e.Pod)
	case e.Pod != "" && e.Object.Kind != "Pod":
		fmt.Fprintf(&b, "  the worst of its Pods: %s\n", e.Pod)
	}
	if e.Others > 0 {
		fmt.Fprintf(&b, "  %d more of the namespace's Pods suffer from the same\n", e.Others)
	}
	section(&b, style, "evidence", e.Evidence)
	section(&b, style, "time line", e.Timeline)
	for _, note := range e.Notes {
		fmt.Fprintf(&b, "  note: %s\n", advice.Printable(note.Message))
	}
	e.writeRemedies(&b, style)
	for _, what := range e.Unread {
		fmt.Fprintf(&b, "not read: %s\n", advice.Printable(what))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, style Style, name string, lines []Line) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n", style.bold(name))
	for _, line := range lines {
		at := ""
		if line.At != nil {
			at = line.At.UTC().Format(time.DateTime) + " UTC, "
		}
		fmt.Fprintf(b, "  %s%s: %s\n", at, line.From, advice.Printable(line.Text))
	}
}

func (e *Explanation) writeRemedies(b *strings.Builder, style Style) {
	if len(e.Remedies) == 0 {
		return
	}
	fmt.Fprintf(b, "%s\n", style.bold("what to do"))
	for _, remedy := range e.Remedies {
		fmt.Fprintf(b, "  %s\n", advice.Printable(remedy.Text))
		if remedy.Command != "" {
			fmt.Fprintf(b, "    [%s] %s\n", remedy.Effect, advice.Printable(remedy.Command))
		}
	}
}

func (s Style) bold(text string) string {
	if !s.Color {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

func (s Style) of(state State, text string) string {
	if !s.Color {
		return text
	}
	colour := map[State]string{Healthy: "32", Healed: "32", Broken: "31", Unknown: "33"}[state]
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}
