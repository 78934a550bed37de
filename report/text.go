package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// minWidth is the narrowest text: below, a terminal may wrap as it likes.
	minWidth = 40
	// maxPlaces is how many places of an image are listed.
	maxPlaces = 10
)

// writeText writes for a person: what is broken first, an image in a block
// with all its places, and a summary at the end.
func (r *Report) writeText(w io.Writer, style Style) error {
	p := printer{style: style}
	rows := slices.DeleteFunc(r.worstFirst(), func(row *Result) bool { // what is fine
		return (row.Verdict == pull.Skipped || row.Verdict == pull.Pullable) && len(row.Notes) == 0
	})
	for _, group := range fold(rows) {
		p.block(group)
	}
	p.line(paint{}, "", r.sentence())
	if r.Summary.Broken+r.Summary.Unknown > 0 {
		p.line(faint(), "", r.Vantage.sentence())
	}
	if _, err := io.WriteString(w, p.text.String()); err != nil {
		return err
	}
	return writePlan(w, r.Namespaces)
}

// printer writes lines, coloured and wrapped.
type printer struct {
	text  strings.Builder
	style Style
}

// paint is a colour of a terminal; the zero value is none.
type paint struct{ code string }

func red() paint    { return paint{"\x1b[1;31m"} }
func yellow() paint { return paint{"\x1b[1;33m"} }
func cyan() paint   { return paint{"\x1b[36m"} }
func faint() paint  { return paint{"\x1b[2m"} }
func bold() paint   { return paint{"\x1b[1m"} }

func (p *printer) painted(with paint, text string) string {
	if !p.style.Color || with.code == "" {
		return text
	}
	return with.code + text + "\x1b[0m"
}

// block writes what is to be said of an image.
func (p *printer) block(group []*Result) {
	result := group[0]
	color, label := yellow(), "warning: "
	if result.Verdict == pull.Broken {
		color, label = red(), "error: "
	}
	if result.Verdict == pull.Pullable || result.Verdict == pull.Skipped {
		color, label = paint{}, "note: "
	}
	fmt.Fprintf(&p.text, "%s %s (%s)\n", p.painted(color, result.Verdict.String()), p.painted(bold(), titleOf(group)), result.Reason)
	p.places(group, imagesOf(group) > 1)
	if result.Message != "" {
		p.labelled(color, label, result.Message)
	}
	if result.Node != "" {
		p.labelled(faint(), "on a node: ", result.Node)
	}
	if result.Hint != "" {
		p.labelled(cyan(), "hint: ", result.Hint)
	}
	for _, note := range result.Notes {
		if note.Message != result.Hint {
			p.labelled(cyan(), "note: ", note.Message)
		}
	}
	if mode := result.leniency(); mode != "" {
		p.labelled(cyan(), "note: ", mode)
	}
	p.text.WriteByte('\n')
}

// places lists where the images of a group are used, named if they differ.
func (p *printer) places(group []*Result, named bool) {
	for i, place := range group {
		if i == maxPlaces {
			p.line(faint(), "  ", fmt.Sprintf("and %d more places", len(group)-maxPlaces))
			return
		}
		where := place.place()
		if named {
			where = strings.TrimSpace(place.Image + "  " + where)
		}
		if where != "" {
			p.line(faint(), "  ", where)
		}
	}
}

// place says where an image is used.
func (r *Result) place() string {
	var parts []string
	if r.Source.File != "" {
		parts = append(parts, r.Source.String())
	}
	if subject := r.subject(); subject != "" {
		parts = append(parts, subject)
	}
	if r.Field != "" {
		parts = append(parts, r.Field)
	}
	return strings.Join(parts, "  ")
}

// subject names the object; an image that is in none has none.
func (r *Result) subject() string {
	if r.Object.Kind == "" {
		return ""
	}
	name := r.Object.Name
	if r.Object.Namespace != "" {
		name = r.Object.Namespace + "/" + name
	}
	return r.Object.Kind + " " + name
}

// leniency says why a broken image would be let in.
func (r *Result) leniency() string {
	if r.Verdict != pull.Broken || r.Action == policy.Deny || r.Mode == "" || r.Mode == policy.Enforce {
		return ""
	}
	return fmt.Sprintf("let in all the same: the mode is %s here", r.Mode)
}

// labelled writes a label and a text, wrapped under itself.
func (p *printer) labelled(color paint, label, text string) {
	p.text.WriteString("  " + p.painted(color, label))
	for i, line := range wrap(text, p.room(2+len(label))) {
		if i > 0 {
			p.text.WriteString(strings.Repeat(" ", 2+len(label)))
		}
		p.text.WriteString(line + "\n")
	}
}

// line writes a text, wrapped under itself.
func (p *printer) line(color paint, indent, text string) {
	for i, line := range wrap(text, p.room(len(indent))) {
		if i > 0 {
			line = "  " + line
		}
		p.text.WriteString(indent + p.painted(color, line) + "\n")
	}
}

// room is the width that is left; 0: without an end.
func (p *printer) room(used int) int {
	if p.style.Width == 0 {
		return 0
	}
	return max(p.style.Width, minWidth) - used
}

// wrap breaks a text at its blanks. Words that are too long stay whole: they
// are names that one copies.
func wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
