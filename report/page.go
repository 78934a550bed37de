package report

import (
	"fmt"
	"html"
	"strings"
)

// page writes HTML. html/template would do, but it calls methods by their
// names, so that the linker keeps every method of everything: twenty megabytes.
type page struct{ text strings.Builder }

// markup is HTML that needs no escaping.
type markup string

// add writes HTML with values in it, which may stand between tags and in quoted
// attributes. Every value is escaped, whatever its type, but markup.
func (p *page) add(format string, values ...any) {
	for i, value := range values {
		if _, safe := value.(markup); !safe {
			values[i] = html.EscapeString(fmt.Sprint(value))
		}
	}
	fmt.Fprintf(&p.text, format, values...)
}

// line writes a line below another, if there is something to say.
func (p *page) line(class, label, text string) {
	if text != "" {
		p.add("<p class=\"%v\">%v%v</p>", class, label, text)
	}
}
