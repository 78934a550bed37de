package policy

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Printed is a configuration with every key, those too that nobody has set.
type Printed struct {
	root *yaml.Node
	// Origins say where each value comes from, by the path of its key.
	Origins map[string]string
}

// Print spells a configuration out. Origin says of a key where its value comes
// from.
func Print(c Configuration, origin func(path string) string) *Printed {
	p := printer{origin: origin, origins: map[string]string{}}
	return &Printed{p.print(reflect.ValueOf(c), nil), p.origins}
}

// YAML is a configuration file, in which comments say where values come from.
func (p *Printed) YAML() ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(p.root); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return text.Bytes(), nil
}

// Value is the same for encoding/json, without comments.
func (p *Printed) Value() (any, error) {
	var value any
	if err := p.root.Decode(&value); err != nil {
		return nil, fmt.Errorf("print the configuration: %w", err)
	}
	return value, nil
}

// printer makes YAML of values, and the reverse of what a reader does.
type printer struct {
	origin  func(path string) string
	origins map[string]string
}

func (p *printer) print(value reflect.Value, at *field.Path) *yaml.Node {
	if duration, ok := value.Interface().(*metav1.Duration); ok {
		return p.leaf(short(duration.Duration), at)
	}
	switch value.Kind() {
	case reflect.Struct:
		return p.object(value, at)
	case reflect.Slice:
		return p.list(value, at)
	default:
		return p.leaf(value.Interface(), at)
	}
}

// object prints a struct, the file's own header first.
func (p *printer) object(value reflect.Value, at *field.Path) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	keys, values := []string{}, map[string]reflect.Value{}
	for _, f := range reflect.VisibleFields(value.Type()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			keys, values[name] = append(keys, name), value.FieldByIndex(f.Index)
		}
	}
	if at == nil { // where the header is, the version stands before the kind
		keys[0], keys[1] = "apiVersion", "kind"
	}
	for _, key := range keys {
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, p.print(values[key], at.Child(key)))
	}
	return node
}

// list prints a list, one of texts on one line.
func (p *printer) list(value reflect.Value, at *field.Path) *yaml.Node {
	if value.Len() == 0 || value.Type().Elem().Kind() == reflect.String {
		node := p.commented(&yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}, at)
		for i := range value.Len() {
			node.Content = append(node.Content, scalar(value.Index(i).Interface()))
		}
		return node
	}
	node := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range value.Len() {
		node.Content = append(node.Content, p.print(value.Index(i), at.Index(i)))
	}
	return node
}

// leaf prints what has nothing below it.
func (p *printer) leaf(value any, at *field.Path) *yaml.Node { return p.commented(scalar(value), at) }

// commented notes where a value comes from.
func (p *printer) commented(node *yaml.Node, at *field.Path) *yaml.Node {
	from := p.origin(at.String())
	p.origins[at.String()], node.LineComment = from, from
	return node
}

// short spells a duration without the units that are zero.
func short(duration time.Duration) string {
	text := duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// scalar is quoted where readers of YAML 1.1 would take it for something else.
func scalar(value any) *yaml.Node {
	node := &yaml.Node{}
	_ = node.Encode(value) // a text, a number or a bool has no way to fail
	return node
}
