package policy

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

// objectSchema is what has to be the same in the schema of the chart's values,
// which has a mode of false besides: Helm reads an unquoted off so.
type objectSchema struct {
	Properties           map[string]*objectSchema
	Items                *objectSchema
	AdditionalProperties any
	Type                 any // in the chart also a list, or left to an enum
	Pattern              string
	Required             []string
}

func readSchema(t *testing.T, file string) *objectSchema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read objectSchema
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return &read
}

// TestSchemaOfTheChart: the chart refuses the keys that replicas would, when it is
// installed and not when they start.
func TestSchemaOfTheChart(t *testing.T) {
	own, chart := readSchema(t, published), readSchema(t, "../deploy/chart/values.schema.json").Properties["config"]
	if chart == nil {
		t.Fatal("the chart has no config")
	}
	own.Required = nil // the chart writes the header
	own.agrees(t, chart, "config")
}

func (s *objectSchema) agrees(t *testing.T, chart *objectSchema, at string) {
	t.Helper()
	if keys := slices.Sorted(maps.Keys(s.Properties)); !slices.Equal(keys, slices.Sorted(maps.Keys(chart.Properties))) {
		t.Fatalf("%s has the keys %v, in the chart %v", at, keys, slices.Sorted(maps.Keys(chart.Properties)))
	}
	if s.AdditionalProperties != chart.AdditionalProperties {
		t.Errorf("%s: in the chart further keys are %v, want %v", at, chart.AdditionalProperties, s.AdditionalProperties)
	}
	if kind, one := chart.Type.(string); one && kind != s.Type {
		t.Errorf("%s is a %s, in the chart a %s", at, s.Type, kind)
	}
	if s.Pattern != "" && s.Pattern != chart.Pattern {
		t.Errorf("%s has the pattern %s, in the chart %s", at, s.Pattern, chart.Pattern)
	}
	for _, key := range s.Required {
		if !slices.Contains(chart.Required, key) {
			t.Errorf("%s.%s is required, and not in the chart", at, key)
		}
	}
	for key, property := range s.Properties {
		property.agrees(t, chart.Properties[key], at+"."+key)
	}
	switch {
	case s.Items != nil && chart.Items != nil:
		s.Items.agrees(t, chart.Items, at+"[]")
	case s.Items != nil:
		t.Errorf("%s: the chart does not say what is in the list", at)
	}
}
