package nodes

import (
	"slices"
	"testing"
)

func TestProfilesOf(t *testing.T) {
	a, b, general := Profile{Name: "a", Nodes: []string{"a-*"}}, Profile{Name: "b", Nodes: []string{"b-1", "a-9"}}, Profile{Name: "general"}
	tests := []struct {
		name     string
		profiles []Profile
		nodes    []string
		want     []string
	}{
		{"no profiles", nil, []string{"a-1"}, nil},
		{"no nodes", []Profile{a, b}, nil, []string{"a", "b"}},
		{"by name", []Profile{a, b}, []string{"a-1", "a-2"}, []string{"a"}},
		{"by both", []Profile{b, a}, []string{"a-9"}, []string{"a", "b"}},
		{"without one", []Profile{a, b}, []string{"c-1", "b-1"}, []string{"", "b"}},
		{"for the others", []Profile{general, a}, []string{"c-1", "a-1"}, []string{"a", "general"}},
		{"not for those with one", []Profile{general, a}, []string{"a-1"}, []string{"a"}},
	}
	for _, tt := range tests {
		var all []Node
		for _, name := range tt.nodes {
			all = append(all, Node{Name: name})
		}
		if got := ProfilesOf(tt.profiles, all); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if Profiled([]Profile{a}, Node{Name: "b-1"}) || !Profiled([]Profile{a, general}, Node{Name: "b-1"}) {
		t.Error("which nodes have a profile")
	}
}
