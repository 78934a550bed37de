package manifest

import "bytes"

// document is one document of a stream.
type document struct {
	Position
	text []byte
	// torn says that something stands on the line of the separator before.
	torn bool
}

// after returns the position of a byte of the document.
func (d document) after(offset int) Position {
	at := d.Position
	at.Line += bytes.Count(d.text[:min(offset, len(d.text))], []byte{'\n'})
	return at
}

// firstLine is that of the first character that is neither blank nor comment.
func (d document) firstLine() Position {
	at := d.Position
	for line := range bytes.Lines(d.text) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return at
		}
		at.Line++
	}
	return d.Position
}
