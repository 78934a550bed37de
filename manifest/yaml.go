package manifest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	syaml "sigs.k8s.io/yaml"
)

// toJSON converts a document of YAML with the library that kubectl uses.
func toJSON(doc document) ([]byte, error) {
	raw, err := syaml.YAMLToJSON(doc.text)
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(raw), nil
}

// addYAML takes up a document of YAML.
func (s *Stream) addYAML(doc document) {
	if s.trees == nil {
		s.trees = &trees{}
	}
	if list, ok := newLineList(doc); ok {
		list.addTo(s)
		return
	}
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
	s.addObject(raw, doc.firstLine(), place{text: s.trees.text(doc)}, 0)
}

// yamlError says where the document ceases to be YAML that JSON can hold, in
// words. The library counts lines from the document's first.
func (d document) yamlError(err error) (Position, error) {
	at := d.firstLine()
	_, text, _ := cutLast(err.Error(), "yaml: ")
	var line int
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
		// At the end of the text it may be the line after it.
		at.Line = d.Line + min(line-1, bytes.Count(d.text, []byte{'\n'}))
		return at, fmt.Errorf("not YAML: %s", text)
	}
	if line, what := d.notJSON(); what != "" {
		at.Line = d.Line + line - 1
		return at, fmt.Errorf("not YAML that kubectl reads: %s", what)
	}
	return at, fmt.Errorf("not YAML: %s", text)
}

// notJSON finds what YAML has and JSON has not; "" where there is nothing.
func (d document) notJSON() (line int, what string) {
	var root yaml.Node
	if yaml.Unmarshal(d.text, &root) != nil {
		return 0, ""
	}
	return oddity(&root)
}

// oddity looks through a tree for keys that are no names, and for numbers that
// are none.
func oddity(node *yaml.Node) (line int, what string) {
	for i, inner := range node.Content {
		isKey := node.Kind == yaml.MappingNode && i%2 == 0
		switch {
		case isKey && inner.Kind == yaml.MappingNode:
			return inner.Line, "a map stands where the name of a field is expected"
		case isKey && inner.Kind == yaml.SequenceNode:
			return inner.Line, "a list stands where the name of a field is expected"
		case isKey && inner.Tag == "!!null":
			return inner.Line, "nothing stands where the name of a field is expected"
		case inner.Kind == yaml.ScalarNode && inner.Tag == "!!float" && slices.Contains([]string{".inf", ".nan"}, strings.ToLower(strings.TrimLeft(inner.Value, "+-"))):
			return inner.Line, inner.Value + " is no number that JSON has"
		}
		if line, what = oddity(inner); what != "" {
			return line, what
		}
	}
	return 0, ""
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
