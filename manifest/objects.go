package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxDepth bounds Lists in Lists.
const maxDepth = 8

// toJSON converts a document of YAML with the library that kubectl uses.
func toJSON(doc document) ([]byte, error) {
	raw, err := yaml.YAMLToJSON(doc.text)
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(raw), nil
}

// header is what tells an object from other documents.
type header struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      json.RawMessage `json:"items"`
}

// addObject takes up one object, or the objects of a List. Whatever has items
// is a List, as for kubectl (apimachinery pkg/apis/meta/v1/unstructured,
// detectList).
func (s *Stream) addObject(raw []byte, at Position, from place, depth int) {
	var head header
	if err := json.Unmarshal(raw, &head); err != nil || head.APIVersion == "" || head.Kind == "" {
		if !bytes.Equal(raw, []byte("null")) {
			s.Foreign++
		}
		if err == nil && head.Kind != "" {
			s.Incomplete = append(s.Incomplete, Object{Raw: raw, Start: at, place: from})
		}
		return
	}
	if head.Items == nil {
		s.Objects = append(s.Objects, Object{Raw: raw, Start: at, place: from})
		return
	}
	if depth == maxDepth {
		s.fail(at, fmt.Errorf("more than %d Lists in Lists", maxDepth), "")
		return
	}
	if err := s.addItems(head, at, from, depth+1); err != nil {
		s.fail(at, err, "")
	}
}

// addItems takes up the objects of a List.
func (s *Stream) addItems(list header, at Position, from place, depth int) error {
	var items []json.RawMessage
	if err := json.Unmarshal(list.Items, &items); err != nil {
		return errors.New("items: a list of objects is expected")
	}
	places := from.items(len(items))
	for i, item := range items {
		item, err := completed(item, list)
		if err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
		s.addObject(item, places[i].start(at), places[i], depth)
	}
	return nil
}

// completed gives an item of a PodList and the like the apiVersion and kind
// that such lists leave out.
func completed(item json.RawMessage, list header) (json.RawMessage, error) {
	kind, typed := strings.CutSuffix(list.Kind, "List")
	var head header
	if err := json.Unmarshal(item, &head); err != nil {
		return nil, errors.New("an object is expected")
	}
	if head.Kind != "" || !typed || kind == "" {
		return item, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item, &fields); err != nil || fields == nil {
		return nil, errors.New("an object is expected")
	}
	fields["apiVersion"], _ = json.Marshal(list.APIVersion) //nolint:errchkjson // a string
	fields["kind"], _ = json.Marshal(kind)                  //nolint:errchkjson // a string
	return json.Marshal(fields)
}
