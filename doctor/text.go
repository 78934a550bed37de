package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/pullgate/pullgate/advice"
)

// Style is how a diagnosis is shown.
type Style struct {
	// Color is for a terminal.
	Color bool
}

// WriteText writes a diagnosis for a person: a line for each check, and below
// what is wrong how that is known and what mends it.
func (d *Diagnosis) WriteText(w io.Writer, style Style) error {
	var b strings.Builder
	width := 0
	for _, check := range d.Checks {
		width = max(width, len(check.Name))
	}
	counts := map[State]int{}
	for _, check := range d.Checks {
		counts[check.State]++
		state := string(check.State)
		if check.Code != "" {
			state += "[" + string(check.Code) + "]"
		}
		fmt.Fprintf(&b, "%-*s  %s: %s\n", width, check.Name, style.of(check.State, state), advice.Printable(check.Text))
		for _, line := range check.Evidence {
			fmt.Fprintf(&b, "    %s\n", advice.Printable(line))
		}
		writeRemedies(&b, check.Remedies)
	}
	fmt.Fprintf(&b, "%s\n", style.of(d.State, d.summary(counts)))
	_, err := io.WriteString(w, b.String())
	return err
}

// summary is the last line.
func (d *Diagnosis) summary(counts map[State]int) string {
	rest := ""
	if counts[Untold] > 0 {
		rest = fmt.Sprintf(", %d not known", counts[Untold])
	}
	switch d.State {
	case Fine:
		return "API servers ask Pullgate" + rest
	case Wrong:
		return fmt.Sprintf("%d to be mended%s", counts[Wrong], rest)
	default:
		return "whether API servers ask Pullgate is not known" + rest
	}
}

func writeRemedies(b *strings.Builder, remedies []advice.Remedy) {
	for _, remedy := range remedies {
		fmt.Fprintf(b, "  - %s\n", advice.Printable(remedy.Text))
		if remedy.Command != "" {
			fmt.Fprintf(b, "      [%s] %s\n", remedy.Effect, advice.Printable(remedy.Command))
		}
	}
}

func (s Style) of(state State, text string) string {
	if !s.Color {
		return text
	}
	colour := map[State]string{Fine: "32", Wrong: "31", Untold: "33"}[state]
	return "\x1b[1;" + colour + "m" + text + "\x1b[0m"
}
