package policy

import (
	"encoding/json"
	"go/ast"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/pull"
)

// published is where editors find the schema.
const published = "../docs/configuration.schema.json"

// schema is JSON Schema, as far as it is needed here.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Const       string             `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Default     any                `json:"default,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Additional  *bool              `json:"additionalProperties,omitempty"`
}

// TestSchema keeps the schema that the program prints, and the one that is
// published, equal to the types and their comments.
func TestSchema(t *testing.T) {
	root := (&schemaWriter{parseTypes(t)}).object(reflect.TypeFor[Configuration](), "Configuration")
	root.Schema, root.Title = "http://json-schema.org/draft-07/schema#", "Pullgate's configuration file"
	root.ID = "https://raw.githubusercontent.com/pullgate/pullgate/main/docs/configuration.schema.json"
	root.Properties["apiVersion"] = &schema{Description: "The version of the format.", Const: APIVersion}
	root.Properties["kind"] = &schema{Description: "The kind of the file.", Const: Kind}
	root.Required = []string{"apiVersion", "kind"}
	root.addDefaults()
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	for _, file := range []string{published, "configuration.schema.json"} {
		if *update {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if there, err := os.ReadFile(file); err != nil || string(there) != string(text) {
			t.Errorf("%s differs from the types: run `go test ./policy -update` (%v)", file, err)
		}
	}
	if !*update && Schema() != string(text) {
		t.Error("the program prints another schema")
	}
}

// addDefaults adds the values that a file of nothing but its header would have.
func (s *schema) addDefaults() {
	properties := s.Properties
	c := Default()
	properties["mode"].Default, properties["onUnknown"].Default, properties["depth"].Default = c.Mode, c.OnUnknown, c.Depth
	properties["exempt"].Properties["namespaces"].Default = c.Exempt.Namespaces
	properties["allowSkipAnnotation"].Default = false
	audit, cache := properties["audit"].Properties, properties["cache"].Properties
	audit["enabled"].Default, audit["events"].Default, audit["reports"].Default = false, true, true
	audit["interval"].Default, audit["requestsPerHour"].Default, audit["registries"].Default = "6h", c.Audit.RequestsPerHour, c.Audit.Registries
	cache["positiveTTL"].Default, cache["size"].Default = "5m", c.Cache.Size
}

// schemaWriter makes a schema of types; comments are those of their source.
type schemaWriter struct{ types map[string]*ast.StructType }

// object describes a struct.
func (w *schemaWriter) object(t reflect.Type, name string) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: new(bool)}
	for _, f := range w.types[name].Fields.List {
		if f.Tag == nil || len(f.Names) == 0 {
			continue
		}
		key, options, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
		field, _ := t.FieldByName(f.Names[0].Name)
		below, _ := elementType(f.Type)
		property := w.property(field.Type, below)
		if set := closedSets()[name+"."+key]; set != nil {
			property.Items.Enum = set
		}
		property.Description = meaning(f, key)
		s.Properties[key] = property
		if options == "" && key != "podTemplates" { // an empty list is told of by what reads it
			s.Required = append(s.Required, key)
		}
	}
	return s
}

// property describes the type of a field.
func (w *schemaWriter) property(t reflect.Type, name string) *schema {
	switch {
	case t == reflect.TypeFor[*metav1.Duration]():
		return &schema{Type: "string", Pattern: `^[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`}
	case t.Kind() == reflect.Pointer:
		return w.property(t.Elem(), name)
	case t.Kind() == reflect.Struct:
		return w.object(t, name)
	case t.Kind() == reflect.Slice:
		return &schema{Type: "array", Items: w.property(t.Elem(), name)}
	case t.Kind() == reflect.Bool:
		return &schema{Type: "boolean"}
	case t.Kind() == reflect.Int:
		return &schema{Type: "integer"}
	case t.Kind() == reflect.String:
		return &schema{Type: "string", Enum: valuesOf(t)}
	default:
		panic("how is a " + t.String() + " written?")
	}
}

// closedSets are those of lists of texts, which are more than their type says.
func closedSets() map[string][]string {
	var reasons []string
	for _, entry := range pull.Standard().Reasons {
		reasons = append(reasons, string(entry.Reason))
	}
	return map[string][]string{"Rule.reasons": reasons, "Nodes.runtimes": pull.RuntimeNames(), "Nodes.cloudCredentials": pull.Clouds()}
}

// valuesOf are those of a closed set, and none where what can be written is open.
func valuesOf(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[Mode]():
		return textsOf(modes(), "")
	case reflect.TypeFor[OnUnknown]():
		return textsOf([]OnUnknown{UnknownWarn, UnknownDeny, UnknownAllow}, "")
	case reflect.TypeFor[Depth]():
		return textsOf([]Depth{Manifest, Layers}, "")
	case reflect.TypeFor[pull.NoteReason]():
		return textsOf([]pull.NoteReason{pull.UnpinnedTag})
	default:
		return nil
	}
}

func textsOf[T ~string](values []T, more ...T) (texts []string) {
	for _, value := range slices.Concat(values, more) {
		texts = append(texts, string(value))
	}
	return texts
}

// keys are all keys of a type, those of lists' elements with [] before them.
func keys(t reflect.Type, prefix string) map[string]bool {
	all := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		below, path := f.Type, prefix+name
		if below.Kind() == reflect.Slice {
			below, path = below.Elem(), path+"[]"
		}
		all[path] = true
		if below.Kind() == reflect.Struct {
			for key := range keys(below, path+".") {
				all[key] = true
			}
		}
	}
	return all
}
