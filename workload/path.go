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
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$"
	return name != "" && strings.Trim(name, allowed) == ""
}

// walk visits every object to which the path leads from raw, which is the
// value of the field at. What is absent or null is passed over.
func (p path) walk(raw json.RawMessage, at string, visit func(raw json.RawMessage, at string) error) error {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if isNull(raw) || raw[0] != '[' {
		return p.enter(raw, at, visit)
	}
	list, err := decode[[]json.RawMessage](raw, at)
	if err != nil {
		return err
	}
	for i, element := range list {
		if err := p.enter(element, index(at, i), visit); err != nil {
			return err
		}
	}
	return nil
}

// enter goes one step on from an object. A list of lists is not walked: every
// level is read anew, which would take minutes for one that is deep.
func (p path) enter(raw json.RawMessage, at string, visit func(raw json.RawMessage, at string) error) error {
	if isNull(raw) {
		return nil
	}
	if len(p) == 0 {
		return visit(raw, at)
	}
	object, err := decode[map[string]json.RawMessage](raw, at)
	if err != nil {
		return err
	}
	return p[1:].walk(object[p[0]], child(at, p[0]), visit)
}
