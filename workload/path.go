package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// path leads from the top of an object to its pod templates.
type path []string

// parsePath reads a path such as "spec.pools[*].template".
func parsePath(written string) (path, error) {
	if written == "" {
		return nil, errors.New(`empty path; write one such as "spec.template"`)
	}
	segments := strings.Split(written, ".")
	for i, segment := range segments {
		name := strings.TrimSuffix(segment, "[*]")
		if !isFieldName(name) {
			return nil, fmt.Errorf("%q is no path: %q is no field name; "+
				`write field names with dots between them and [*] after a list, such as "spec.pools[*].template"`, written, segment)
		}
		segments[i] = name
	}
	return segments, nil
}

// isFieldName tells whether a path can name such a field.
func isFieldName(name string) bool {
	const others = "_-$"
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune(others, r))
	}) < 0
}

// walk visits every object to which the path leads from raw, which is the
// value of the field at. What is absent or null is passed over.
func (p path) walk(raw json.RawMessage, at string, visit func(raw json.RawMessage, at string) error) error {
	switch raw = bytes.TrimLeft(raw, " \t\r\n"); {
	case isNull(raw):
		return nil
	case raw[0] == '[':
		return p.walkList(raw, at, visit)
	case len(p) == 0:
		return visit(raw, at)
	}
	var object map[string]json.RawMessage
	if err := decode(raw, at, &object); err != nil {
		return err
	}
	return p[1:].walk(object[p[0]], child(at, p[0]), visit)
}

// walkList walks on from every element of a list.
func (p path) walkList(raw json.RawMessage, at string, visit func(raw json.RawMessage, at string) error) error {
	var list []json.RawMessage
	if err := decode(raw, at, &list); err != nil {
		return err
	}
	for i, element := range list {
		if err := p.walk(element, index(at, i), visit); err != nil {
			return err
		}
	}
	return nil
}
