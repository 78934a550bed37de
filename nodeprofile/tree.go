package nodeprofile

import (
	"reflect"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// tree is a TOML table of which only parts are known.
type tree map[string]any

// parseTOML reads a table; nil where it is none.
func (r *root) parseTOML(name string) tree {
	data := r.read(name)
	if data == nil {
		return nil
	}
	read := tree{}
	if err := toml.Unmarshal(data, &read); err != nil {
		r.problem(name, "is no TOML")
		return nil
	}
	return read
}

// at returns the table at a path of keys; an empty one where there is none.
func (t tree) at(keys ...string) tree {
	for _, key := range keys {
		switch below := t[key].(type) {
		case map[string]any:
			t = below
		case tree:
			t = below
		default:
			return tree{}
		}
	}
	return t
}

func (t tree) text(key string) string {
	value, _ := t[key].(string)
	return value
}

func (t tree) flag(key string) bool {
	value, _ := t[key].(bool)
	return value
}

// texts returns a list of texts, or a text as a list of it.
func (t tree) texts(key string) []string {
	switch value := t[key].(type) {
	case string:
		return []string{value}
	case []any:
		var all []string
		for _, one := range value {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
		return all
	default:
		return nil
	}
}

// tables returns an array of tables.
func (t tree) tables(key string) []tree {
	var all []tree
	list, _ := t[key].([]any)
	for _, one := range list {
		if table, ok := one.(map[string]any); ok {
			all = append(all, table)
		}
	}
	return all
}

// merge puts another table over this one as containerd 2 does
// (cmd/containerd/server/config/config.go, mergeConfig): tables are merged, what
// is not yet in a list is added to it, and values take the place of others
// unless they are zero.
func (t tree) merge(over tree) {
	for key, value := range over {
		table, isTable := value.(map[string]any)
		mine, both := t[key].(map[string]any)
		list, isList := value.([]any)
		had, lists := t[key].([]any)
		switch {
		case isTable && both:
			tree(mine).merge(table)
		case isList && lists:
			t[key] = union(had, list)
		case t[key] == nil, !reflect.ValueOf(value).IsZero():
			t[key] = value
		}
	}
}

func union(had, more []any) []any {
	all := slices.Clone(had)
	for _, value := range more {
		if !slices.ContainsFunc(all, func(other any) bool { return reflect.DeepEqual(value, other) }) {
			all = append(all, value)
		}
	}
	return all
}
