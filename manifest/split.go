package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	kyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// add takes a stream apart and its objects up.
func (s *Stream) add(name string, text []byte) {
	for _, doc := range split(name, text) {
		doc.Template = doc.template()
		if doc.torn {
			s.fail(Position{File: name, Line: doc.Line - 1, Template: doc.Template}, errors.New("text after ---: nodes of YAML begin on a line of their own"), "put it on the next line")
		}
		switch {
		case len(bytes.TrimSpace(doc.text)) == 0:
		case kyaml.IsJSONBuffer(doc.text):
			s.addJSON(doc)
		default:
			s.addYAML(doc)
		}
	}
}

// split cuts a stream at the lines that begin with ---, as kubectl does
// (apimachinery pkg/util/yaml/decoder.go, YAMLReader), which JSON cannot hold.
func split(name string, text []byte) []document {
	var documents []document
	current := document{Position: Position{File: name, Line: 1}}
	line, start, offset := 1, 0, 0
	for rest := text; len(rest) > 0; line++ {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		if after, ok := separator(rest[:end]); ok {
			current.text = text[start:offset]
			documents = append(documents, current)
			current = document{Position: Position{File: name, Line: line + 1}, torn: len(after) > 0 && after[0] != '#'}
			start = offset + end
		}
		offset += end
		rest = rest[end:]
	}
	current.text = text[start:]
	return append(documents, current)
}

// template reads the comment by which Helm names a document's template (Helm
// pkg/action/action.go, renderResources: "# Source: chart/templates/x.yaml").
func (d document) template() string {
	for line := range bytes.Lines(d.text) {
		line = bytes.TrimSpace(line)
		if name, ok := bytes.CutPrefix(line, []byte("# Source: ")); ok {
			return string(bytes.TrimSpace(name))
		}
		if len(line) > 0 && line[0] != '#' {
			break
		}
	}
	return ""
}

// separator tells whether a line parts documents, and what stands after the
// ---, which may be no more than a comment.
func separator(line []byte) (after []byte, ok bool) {
	after, ok = bytes.CutPrefix(line, []byte("---"))
	return bytes.TrimSpace(after), ok
}

// addJSON takes up a document of JSON, which may be several objects in a row.
// What begins with a brace and is no JSON may be YAML all the same.
func (s *Stream) addJSON(doc document) {
	var values []outline
	outliner := newOutliner(doc.text)
	for {
		value, err := outliner.next()
		if errors.Is(err, io.EOF) && value.start == len(doc.text) {
			break
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && mayBeOther(doc.text, values) && s.addOther(doc) {
			return
		}
		if err != nil {
			s.fail(doc.after(jsonErrorOffset(err, outliner)), fmt.Errorf("not JSON: %w", err), "")
			break
		}
		values = append(values, value)
	}
	at, seen := doc.Position, 0
	for _, value := range values {
		at.Line += bytes.Count(doc.text[seen:value.start], []byte{'\n'})
		seen = value.start
		text := jsonText{Position: at, text: doc.text[value.start:value.end]}
		s.addOutlined(value.from(value.start), text.text, at, place{text: text}, 0)
	}
}

// mayBeOther tells whether what begins with these values of JSON may be something
// else as a whole. YAML knows comments behind a value, and nothing besides: its
// library reads the first document alone, and would say nothing of the rest.
func mayBeOther(text []byte, values []outline) bool {
	switch len(values) {
	case 0:
		return true
	case 1:
		return onlyComments(text[values[0].end:])
	default:
		return false
	}
}

// addOther takes up what only looks like JSON, and tells whether it did.
func (s *Stream) addOther(doc document) bool {
	if withoutComments(doc.text) {
		s.Foreign++ // a program's settings: kubectl reads no such thing
		return true
	}
	if _, err := toJSON(doc); err == nil || templateHint(doc.text) != "" {
		s.addYAML(doc)
		return true
	}
	return false
}

// jsonErrorOffset is where JSON ceases to be it: not before what is read next. The
// library's own count leaves out what it read by tokens.
func jsonErrorOffset(err error, outliner *outliner) int {
	next := len(outliner.text) - len(bytes.TrimLeft(outliner.text[outliner.offset():], " \t\r\n"))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return max(int(syntax.Offset)-1, next)
	}
	return outliner.offset()
}
