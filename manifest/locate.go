package manifest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// script is what an object was written in.
type script interface {
	// find returns where a path leads, or as far as it does; value is what
	// is expected there.
	find(path []step, value string) Position
	// items returns where the items of a List are that is found at a path; the
	// spans are theirs in the List's own JSON.
	items(path string, items []span) []place
}

// place is an object in a text.
type place struct {
	text script
	path string // of the object in the text
}

// find returns where a field of the object is.
func (p place) find(field, value string) Position {
	return p.text.find(steps(joined(p.path, field)), value)
}

// items returns the places of the items of the object, a List.
func (p place) items(items []span) []place {
	if p.text == nil {
		return make([]place, len(items))
	}
	return p.text.items(p.path, items)
}

// start is where the object begins; around is where its List does.
func (p place) start(around Position) Position {
	if p.text == nil {
		return around
	}
	return p.text.find(steps(p.path), "")
}

// step is one step of a path: into a field, or to an element of a list.
type step struct {
	field string
	index int // where field is empty
}

// steps reads a path such as "items[2].spec.containers[0].image", in which a
// name with dots stands as in `data[".dockerconfigjson"]`.
func steps(path string) []step {
	var all []step
	for path != "" {
		var one step
		switch {
		case strings.HasPrefix(path, `["`):
			end := strings.Index(path, `"]`)
			if end < 0 {
				return all
			}
			one.field, path = path[len(`["`):end], path[end+len(`"]`):]
		case path[0] == '[':
			number, rest, _ := strings.Cut(path[1:], "]")
			index, err := strconv.Atoi(number)
			if err != nil {
				return all
			}
			one.index, path = index, rest
		default:
			end := strings.IndexAny(path+".", ".[")
			one.field, path = path[:end], path[end:]
		}
		all, path = append(all, one), strings.TrimPrefix(path, ".")
	}
	return all
}

func joined(path, field string) string {
	if path == "" || field == "" {
		return path + field
	}
	return path + "." + field
}

// yamlText is a document of YAML.
type yamlText struct {
	document
	trees *trees
}

func (t *yamlText) find(path []step, _ string) Position {
	at := t.firstLine()
	node := t.trees.of(t)
	for _, s := range path {
		if node == nil {
			break
		}
		at.Line = t.Line + node.Line - 1
		node = enter(node, s)
	}
	if node != nil {
		at.Line = t.Line + node.Line - 1
	}
	return at
}

// maxTrees is of how many documents the trees are kept: they take twenty times
// what the text does, and one is asked for many times in a row.
const maxTrees = 8

// trees are those of the documents that were asked for last. The zero value is
// ready.
type trees struct {
	mu   sync.Mutex
	last []tree
}

// tree is that of a document; nil where it cannot be read.
type tree struct {
	of   *yamlText
	root *yaml.Node
}

// text returns a document that has its tree here.
func (t *trees) text(doc document) *yamlText { return &yamlText{doc, t} }

// of returns the tree of a document.
func (t *trees) of(text *yamlText) *yaml.Node {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, known := range t.last {
		if known.of == text {
			return known.root
		}
	}
	made := tree{of: text}
	var document yaml.Node
	if yaml.Unmarshal(text.text, &document) == nil && len(document.Content) > 0 {
		made.root = document.Content[0]
	}
	if len(t.last) == maxTrees {
		t.last = slices.Delete(t.last, 0, 1)
	}
	t.last = append(t.last, made)
	return made.root
}

func (t *yamlText) items(path string, items []span) []place {
	places := make([]place, len(items))
	for i := range places {
		places[i] = place{t, joined(path, "items") + "[" + strconv.Itoa(i) + "]"}
	}
	return places
}

// enter goes one step down a tree of YAML, through aliases and merged maps.
func enter(node *yaml.Node, s step) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch {
	case node.Kind == yaml.SequenceNode && s.field == "":
		if s.index < len(node.Content) {
			return node.Content[s.index]
		}
	case node.Kind == yaml.MappingNode && s.field != "":
		return valueOf(node, s.field)
	}
	return nil
}

// valueOf returns the last value of a key, which is the one that counts; else
// that of the maps that are merged in.
func valueOf(node *yaml.Node, key string) *yaml.Node {
	for i := len(node.Content) - 2; i >= 0; i -= 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Tag != "!!merge" {
			continue
		}
		if found := merged(node.Content[i+1], key); found != nil {
			return found
		}
	}
	return nil
}

// merged looks a key up in what stands behind <<: a map, or a list of maps.
func merged(node *yaml.Node, key string) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.MappingNode {
		return valueOf(node, key)
	}
	if node.Kind != yaml.SequenceNode {
		return nil
	}
	for _, one := range node.Content {
		if found := merged(one, key); found != nil {
			return found
		}
	}
	return nil
}

// jsonText is one object of JSON.
type jsonText document

func (t jsonText) find(path []step, _ string) Position {
	decoder := json.NewDecoder(bytes.NewReader(t.text))
	offset := 0
	for i := range path {
		start, ok := seek(decoder, path[i])
		if !ok {
			break
		}
		offset = start
	}
	// On to what stands behind the colon or comma.
	rest := t.text[offset:]
	offset += len(rest) - len(bytes.TrimLeft(rest, " \t\r\n,:"))
	return document(t).after(offset)
}

// items returns each item as a text of its own, so that finding a line in one
// does not read all that come before.
func (t jsonText) items(_ string, items []span) []place {
	places := make([]place, len(items))
	at, seen := t.Position, 0
	for i, item := range items {
		at.Line += bytes.Count(t.text[seen:item.start], []byte{'\n'})
		places[i].text, seen = jsonText{Position: at, text: t.text[item.start:item.end]}, item.start
	}
	return places
}

// seek reads up to the value to which one step leads, and returns where that
// value is.
func seek(decoder *json.Decoder, s step) (offset int, ok bool) {
	token, err := decoder.Token()
	if err != nil {
		return 0, false
	}
	switch {
	case token == json.Delim('{') && s.field != "":
		return seekField(decoder, s.field)
	case token == json.Delim('[') && s.field == "":
		return seekElement(decoder, s.index)
	default:
		return 0, false
	}
}

func seekField(decoder *json.Decoder, name string) (offset int, ok bool) {
	var skipped json.RawMessage
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return 0, false
		}
		if key == name {
			return int(decoder.InputOffset()), true
		}
		if decoder.Decode(&skipped) != nil {
			return 0, false
		}
	}
	return 0, false
}

func seekElement(decoder *json.Decoder, index int) (offset int, ok bool) {
	var skipped json.RawMessage
	for ; decoder.More(); index-- {
		if index == 0 {
			return int(decoder.InputOffset()), true
		}
		if decoder.Decode(&skipped) != nil {
			return 0, false
		}
	}
	return 0, false
}
