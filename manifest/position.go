package manifest

import "fmt"

// Position is a place in a file. The zero value is none.
type Position struct {
	// File is the file as it was named or found, a URL, or "-" for standard
	// input.
	File string `json:"file"`
	// Line counts from 1.
	Line int `json:"line"`
	// Template is the one from which Helm rendered the document, as Helm's
	// comment names it; empty without one.
	Template string `json:"template,omitempty"`
}

// String writes the position as editors and compilers do.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
