package manifest

import (
	"bytes"
	"fmt"
	"regexp"
)

// largeList is from which size on a List in YAML is taken apart by its lines:
// the library makes of a document a tree that takes thirty times as much.
const largeList = 1 << 20

// anchor is what makes one part of a document depend on another.
var anchor = regexp.MustCompile(`[\s\[{,]&[A-Za-z0-9_-]+\s`)

// lineList is a List of which the items were found by their lines.
type lineList struct {
	outline
	documents []document
}

// newLineList takes a large List apart, and tells whether it is one, written
// line by line as kubectl writes it.
func newLineList(doc document) (list lineList, ok bool) {
	if len(doc.text) < largeList || anchor.Match(doc.text) {
		return list, false
	}
	items, head := listLines(doc)
	raw, err := toJSON(document{text: head})
	if len(items) == 0 || err != nil {
		return list, false
	}
	list.outline, err = newOutliner(raw).next()
	list.documents = items
	return list, err == nil && list.apiVersion != "" && list.kind != ""
}

// addTo adds the items one by one.
func (l lineList) addTo(s *Stream) {
	for i, item := range l.documents {
		item.text[bytes.IndexByte(item.text, '-')] = ' ' // what follows keeps its column
		raw, err := toJSON(item)
		if err != nil {
			at, err := item.yamlError(err)
			s.fail(at, err, templateHint(item.text))
			continue
		}
		object, err := completed(raw, l.outline)
		if err != nil {
			s.fail(item.firstLine(), fmt.Errorf("items[%d]: %w", i, err), "")
			continue
		}
		s.addObject(object, item.firstLine(), place{text: s.trees.text(item)}, 1)
	}
}

// listLines parts the lines of a List: those of each item, and the others.
// There are no items where it is not written so.
func listLines(doc document) (items []document, head []byte) {
	l := listScan{doc: doc, indent: -1, at: doc.Position}
	for line := range bytes.Lines(doc.text) {
		l.take(line)
		l.offset += len(line)
		l.at.Line++
	}
	l.end()
	if l.broken {
		return nil, nil
	}
	return l.items, l.head
}

// listScan goes through the lines of a List.
type listScan struct {
	doc   document
	items []document
	head  []byte

	inside bool // between "items:" and the next field
	indent int  // of the items' dashes; below 0 before the first
	at     Position
	offset int // of the line
	start  int // of the item
	broken bool
}

// take takes one line up.
func (l *listScan) take(line []byte) {
	bare := bytes.TrimSpace(line)
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	switch {
	case !l.inside:
		l.outside(line, bare)
	case len(bare) == 0, bare[0] == '#': // is of what is around it
	case (l.indent < 0 || indent == l.indent) && isItem(line[indent:]):
		l.end()
		l.indent, l.start = indent, l.offset
		l.items = append(l.items, document{Position: l.at})
	case indent == 0:
		l.end()
		l.inside = false
		l.outside(line, bare)
	case indent <= l.indent, l.indent < 0:
		l.broken = true // it is neither in an item nor one
	}
}

// outside takes a line up that is not among the items.
func (l *listScan) outside(line, bare []byte) {
	if !bytes.Equal(bare, []byte("items:")) || line[0] != 'i' {
		l.head = append(l.head, line...)
		return
	}
	l.inside = true
	l.broken = l.broken || l.indent >= 0 // twice
}

// end ends the item that was begun last.
func (l *listScan) end() {
	if l.inside && len(l.items) > 0 {
		l.items[len(l.items)-1].text = l.doc.text[l.start:l.offset]
	}
}

// isItem tells whether a line begins an element of a list.
func isItem(line []byte) bool {
	after, dashed := bytes.CutPrefix(line, []byte("-"))
	return dashed && (len(bytes.TrimSpace(after)) == 0 || after[0] == ' ')
}
