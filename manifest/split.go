package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"encoding/json"

	kyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// document is one document of a stream.
type document struct {
	Position
	text []byte
	// torn says that something stands on the line of the separator before.
	torn bool
}

// add takes a stream apart and its objects up.
func (s *Stream) add(name string, text []byte) {
	for _, doc := range split(name, text) {
		if doc.torn {
			s.fail(Position{File: name, Line: doc.Line - 1}, errors.New("text after ---: nodes of YAML begin on a line of their own"), "put it on the next line")
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

// separator tells whether a line parts documents, and what stands after the
// ---, which may be no more than a comment.
func separator(line []byte) (after []byte, ok bool) {
	after, ok = bytes.CutPrefix(line, []byte("---"))
	trimmed := bytes.TrimSpace(after)
	return trimmed, ok && (len(trimmed) == 0 || after[0] == ' ' || after[0] == '\t')
}

// addJSON takes up a document of JSON, which may be several objects in a row.
// What begins with a brace and is no JSON may be YAML all the same.
func (s *Stream) addJSON(doc document) {
	var objects []document
	at, seen := doc.Position, 0
	decoder := json.NewDecoder(bytes.NewReader(doc.text))
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && len(objects) <= 1 {
			if _, notYAML := toJSON(doc); notYAML == nil || templateHint(doc.text) != "" {
				s.addYAML(doc)
				return
			}
		}
		if err != nil {
			s.fail(doc.after(jsonErrorOffset(err, decoder)), fmt.Errorf("not JSON: %w", err), "")
			break
		}
		start := int(decoder.InputOffset()) - len(raw)
		at.Line += bytes.Count(doc.text[seen:start], []byte{'\n'})
		objects, seen = append(objects, document{Position: at, text: raw}), start
	}
	for _, object := range objects {
		s.addObject(object.text, object.Position, place{text: jsonText(object)}, 0)
	}
}

func jsonErrorOffset(err error, decoder *json.Decoder) int {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return int(max(syntax.Offset-1, 0))
	}
	return int(decoder.InputOffset())
}

// after returns the position of a byte of the document.
func (d document) after(offset int) Position {
	at := d.Position
	at.Line += bytes.Count(d.text[:min(offset, len(d.text))], []byte{'\n'})
	return at
}

// addYAML takes up a document of YAML.
func (s *Stream) addYAML(doc document) {
	raw, err := toJSON(doc)
	if err != nil {
		at, err := doc.yamlError(err)
		hint := templateHint(doc.text)
		if last := len(s.Problems) - 1; hint != "" && last >= 0 && s.Problems[last].Hint == hint && s.Problems[last].File == at.File {
			return // once is enough for a file of templates
		}
		s.fail(at, err, hint)
		return
	}
	s.addObject(raw, doc.firstLine(), place{text: &yamlText{document: doc}}, 0)
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

// yamlError moves the line that the library tells, which counts from the
// document's first, to where it is.
func (d document) yamlError(err error) (Position, error) {
	at, text := d.firstLine(), err.Error()
	_, text, _ = cutLast(text, "yaml: ")
	var line int
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		// At the end of the text it may be the line after it.
		at.Line = d.Line + min(line-1, bytes.Count(d.text, []byte{'\n'}))
	}
	return at, fmt.Errorf("not YAML: %s", text)
}

// cutLast cuts around the last occurrence; without one all of it comes after.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+len(separator):], true
}

// templateHint knows the usual reason of YAML that is none.
func templateHint(text []byte) string {
	if bytes.Contains(text, []byte("{{")) {
		return "this looks like a template: check what it renders to, as in `helm template . | pullgate check -f -`"
	}
	return ""
}
