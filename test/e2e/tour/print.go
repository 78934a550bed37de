package tour

import (
	"strings"

	"github.com/pullgate/pullgate/test/e2e/screen"
)

// Print shows what came of a step: the title, the command, what it printed,
// and whether that is what was said.
func (r Report) Print(out *screen.Screen) {
	if r.Step.Title != "" {
		out.Line(screen.Bold, "\n%s", r.Step.Title)
	}
	out.Line(screen.Cyan, "  $ %s", r.Step.Command())
	for line := range strings.Lines(r.Step.Stdin) {
		out.Line(screen.Faint, "  %s", strings.TrimRight(line, "\n"))
	}
	if r.Step.Stdin != "" {
		out.Line(screen.Faint, "  %s", heredoc)
	}
	for line := range strings.Lines(r.Result.Output) {
		out.Line(style(line), "    %s", strings.TrimRight(line, "\n"))
	}
	if len(r.Faults) == 0 {
		out.Line(screen.Green, "  ✓ %s", r.Step.Want)
	}
	for _, fault := range r.Faults {
		out.Line(screen.Red, "  ✗ %s", fault)
	}
}

// heredoc ends a manifest on the command line.
const heredoc = "EOF"

// Command is what one would type; a manifest follows it.
func (s Step) Command() string {
	words := []string{"kubectl"}
	for _, arg := range s.Args {
		words = append(words, quote(arg))
	}
	line := strings.Join(words, " ")
	if s.Stdin != "" {
		line += " <<'" + heredoc + "'"
	}
	return line
}

// Typed is all that one would type, the manifest included.
func (s Step) Typed() string {
	if s.Stdin == "" {
		return s.Command() + "\n"
	}
	return s.Command() + "\n" + s.Stdin + heredoc + "\n"
}

// quote writes a word so that a shell leaves it as it is.
func quote(word string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,@%+"
	if word != "" && strings.Trim(word, safe) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func style(line string) screen.Style {
	switch {
	case strings.HasPrefix(line, "Warning:"):
		return screen.Yellow
	case strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "error"):
		return screen.Red
	default:
		return screen.Plain
	}
}
