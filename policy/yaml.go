package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxValues bounds what is read of a file in which aliases stand for much.
	maxValues = 100_000
	// maxProblems is how many problems of one file are told at most.
	maxProblems = 20
)

// reader turns YAML into what encoding/json can read without a doubt. It
// tells every value that has no place in a configuration, with path and line.
//
// YAML is read by version 1.2 in what matters here: `mode: off` is a text and
// not false, as it is to readers of version 1.1.
type reader struct {
	left     int // values that may still be read
	problems []error
	// lines are those on which values stand, by the paths of their keys; nil:
	// nobody asks.
	lines map[string]int
}

// read reads what is to become a value of type t.
func (r *reader) read(node *yaml.Node, at *field.Path, t reflect.Type) any {
	line := node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if r.left--; r.left < 0 || node.ShortTag() == "!!null" {
		return nil
	}
	if r.lines != nil && at != nil {
		r.lines[at.String()] = line
	}
	switch {
	case t == reflect.TypeFor[metav1.Duration]():
		return r.duration(node, at)
	case t.Kind() == reflect.Pointer:
		return r.read(node, at, t.Elem())
	case t.Kind() == reflect.Struct:
		return r.object(node, at, t)
	case t.Kind() == reflect.Slice:
		return r.list(node, at, t.Elem())
	default:
		return r.scalar(node, at, t)
	}
}

// object reads a mapping: each key once, and each one known.
func (r *reader) object(node *yaml.Node, at *field.Path, t reflect.Type) any {
	if node.Kind != yaml.MappingNode {
		return r.expected("an object", node, at)
	}
	known, names := fields(t)
	object := make(map[string]any, len(known))
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i].Value
		into, ok := known[key]
		if !ok {
			r.problem(at.Child(show(key)), node.Content[i], "unknown field; known here are %s", strings.Join(names, ", "))
			continue
		}
		if _, twice := object[key]; twice {
			r.problem(at.Child(key), node.Content[i], "given twice")
		}
		object[key] = r.read(node.Content[i+1], at.Child(key), into)
	}
	return object
}

// fields returns the names of a type's fields in a file.
func fields(t reflect.Type) (types map[string]reflect.Type, names []string) {
	types = map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" {
			types[name] = f.Type
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return types, names
}

func (r *reader) list(node *yaml.Node, at *field.Path, element reflect.Type) any {
	if node.Kind != yaml.SequenceNode {
		return r.expected("a list", node, at)
	}
	list := make([]any, 0, len(node.Content))
	for i, item := range node.Content {
		list = append(list, r.read(item, at.Index(i), element))
	}
	return list
}

func (r *reader) scalar(node *yaml.Node, at *field.Path, t reflect.Type) any {
	tag := node.ShortTag()
	switch t.Kind() {
	case reflect.Bool:
		if value, err := strconv.ParseBool(node.Value); err == nil && tag == "!!bool" {
			return value
		}
		return r.expected("true or false", node, at)
	case reflect.Int:
		if value, err := strconv.ParseInt(node.Value, 10, 32); err == nil && tag == "!!int" {
			return value
		}
		return r.expected("a whole number", node, at)
	default:
		if tag == "!!str" || tag == "!!timestamp" { // a day is a text, too
			return node.Value
		}
		return r.expected("a text", node, at)
	}
}

func (r *reader) duration(node *yaml.Node, at *field.Path) any {
	if _, err := time.ParseDuration(node.Value); err != nil || node.Kind != yaml.ScalarNode {
		return r.expected("a duration such as 5m or 90s", node, at)
	}
	return node.Value
}

// expected notes a value of another type, and returns what stands for it.
func (r *reader) expected(what string, node *yaml.Node, at *field.Path) any {
	got := show(node.Value)
	switch node.Kind {
	case yaml.MappingNode:
		got = "an object"
	case yaml.SequenceNode:
		got = "a list"
	default:
	}
	r.problem(at, node, "%s stands where %s is expected", got, what)
	return nil
}

func (r *reader) problem(at *field.Path, node *yaml.Node, format string, arguments ...any) {
	where := at.String()
	if at == nil {
		where = "the file"
	}
	switch {
	case len(r.problems) < maxProblems:
		r.problems = append(r.problems, fmt.Errorf("%s (line %d): %s", where, node.Line, fmt.Sprintf(format, arguments...)))
	case len(r.problems) == maxProblems:
		r.problems = append(r.problems, fmt.Errorf("and more"))
	}
}

// show quotes what stands in the file, not at full length.
func show(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	quoted := strconv.Quote(text)
	if quoted == `"`+text+`"` && text != "" && !strings.ContainsAny(text, " .[]") {
		return text
	}
	return quoted
}
