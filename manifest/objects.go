package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxDepth bounds Lists in Lists.
const maxDepth = 8

// addObject takes up one object of JSON, or the objects of a List. Whatever has
// items is a List, as for kubectl (apimachinery
// pkg/apis/meta/v1/unstructured, detectList).
func (s *Stream) addObject(raw []byte, at Position, from place, depth int) {
	value, _ := newOutliner(raw).next() // it is JSON
	s.addOutlined(value, raw, at, from, depth)
}

// addOutlined takes up a value of which the outline is known. Raw is the text
// of which the outline is.
func (s *Stream) addOutlined(value outline, raw []byte, at Position, from place, depth int) {
	object := Object{Raw: raw[value.start:value.end], Start: at, place: from}
	switch {
	case !value.object || value.apiVersion == "" || value.kind == "":
		s.addForeign(value, object)
	case !value.list:
		s.Objects = append(s.Objects, object)
	case value.noItems:
		s.fail(at, errors.New("items: a list of objects is expected"), "")
	case depth == maxDepth:
		s.fail(at, fmt.Errorf("more than %d Lists in Lists", maxDepth), "")
	default:
		s.addItems(value, raw, at, from, depth+1)
	}
}

// addForeign takes up what is no object, but for nothing at all.
func (s *Stream) addForeign(value outline, object Object) {
	if !bytes.Equal(object.Raw, []byte("null")) {
		s.Foreign++
	}
	if value.kind != "" {
		s.Incomplete = append(s.Incomplete, object)
	}
	if !value.object && listsObjects(object.Raw) {
		s.PassedOver = append(s.PassedOver, fmt.Sprintf("%s: a list of objects is no manifest, and was passed over: part them by lines of ---, or put them under items of a List", object.Start))
	}
}

// listsObjects tells whether something is a list of Kubernetes objects, which
// kubectl does not read.
func listsObjects(raw []byte) bool {
	var all []struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	return json.Unmarshal(raw, &all) == nil && len(all) > 0 && all[0].APIVersion != "" && all[0].Kind != ""
}

// addItems takes up the objects of a List. One that is none concerns itself
// alone.
func (s *Stream) addItems(list outline, raw []byte, at Position, from place, depth int) {
	places := from.items(list.items)
	for i, span := range list.items {
		start := places[i].start(at)
		item, err := completed(raw[span.start:span.end], list)
		if err != nil {
			s.fail(start, fmt.Errorf("items[%d]: %w", i, err), "")
			continue
		}
		s.addObject(item, start, places[i], depth)
	}
}

// completed gives an item of a PodList and the like the apiVersion and kind
// that such lists leave out.
func completed(item []byte, list outline) ([]byte, error) {
	value, err := newOutliner(item).next()
	if err != nil || !value.object {
		return nil, errors.New("an object is expected")
	}
	kind, typed := strings.CutSuffix(list.kind, "List")
	if value.kind != "" || !typed || kind == "" {
		return item, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(item, &fields); err != nil {
		return nil, errors.New("an object is expected")
	}
	fields["apiVersion"], _ = json.Marshal(list.apiVersion) //nolint:errchkjson // a string
	fields["kind"], _ = json.Marshal(kind)                  //nolint:errchkjson // a string
	return json.Marshal(fields)
}
