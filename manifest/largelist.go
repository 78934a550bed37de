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
	inside, indent, at := false, -1, doc.Position
	offset, start := 0, 0
	end := func() {
		if len(items) > 0 {
			items[len(items)-1].text = doc.text[start:offset]
		}
	}
	for line := range bytes.Lines(doc.text) {
		dash := len(line) - len(bytes.TrimLeft(line, " "))
		begins := (indent < 0 || dash == indent) && isItem(line[dash:])
		switch {
		case bytes.Equal(bytes.TrimSpace(line), []byte("items:")) && dash == 0:
			if indent >= 0 {
				return nil, nil // twice
			}
			inside = true
		case inside && begins:
			end()
			indent, start = dash, offset
			items = append(items, document{Position: at})
		case inside && dash == 0 && len(bytes.TrimSpace(line)) > 0 && line[0] != '#':
			end()
			inside, start = false, offset
			head = append(head, line...)
		case inside && indent >= 0 && dash <= indent && len(bytes.TrimSpace(line)) > 0 && line[dash] != '#':
			return nil, nil // it is neither in an item nor one
		case !inside:
			head = append(head, line...)
		}
		offset += len(line)
		at.Line++
	}
	if inside {
		end()
	}
	return items, head
}

// isItem tells whether a line begins an element of a list.
func isItem(line []byte) bool {
	after, dashed := bytes.CutPrefix(line, []byte("-"))
	return dashed && (len(bytes.TrimSpace(after)) == 0 || after[0] == ' ')
}
