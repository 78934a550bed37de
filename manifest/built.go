package manifest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// kustomization is one that was built, with where its objects come from.
type kustomization struct {
	dir, file string
	objects   [][]byte
	origins   []string
	read      map[string][]source // of origins, as they are written
	parts     []*plan             // see chain; nil: not read yet
}

// source is an object as it is written.
type source struct {
	*Object
	kind, name string
}

// start is where an object begins in its origin.
func (k *kustomization) start(i int) Position {
	if source := k.source(i); source != nil {
		return source.Start
	}
	return Position{File: k.origins[i], Line: 1}
}

// source finds an object in its origin: one of the same kind and name, else of
// the longest name that is in its own, which kustomize puts more around.
func (k *kustomization) source(i int) *Object {
	name := k.origins[i]
	if name == k.file {
		return nil
	}
	kind, built := identity(k.objects[i])
	var best *source
	for j, candidate := range k.written(name) {
		switch {
		case candidate.kind != kind || !strings.Contains(built, candidate.name):
		case candidate.name == built:
			return candidate.Object
		case best == nil || len(candidate.name) > len(best.name):
			best = &k.read[name][j]
		}
	}
	if best == nil {
		return nil
	}
	return best.Object
}

// written returns the objects in a file.
func (k *kustomization) written(name string) []source {
	found, known := k.read[name]
	if known {
		return found
	}
	var stream Stream
	stream.readFile(name)
	for i := range stream.Objects {
		kind, its := identity(stream.Objects[i].Raw)
		found = append(found, source{&stream.Objects[i], kind, its})
	}
	if k.read == nil {
		k.read = map[string][]source{}
	}
	k.read[name] = found
	return found
}

func identity(raw []byte) (kind, name string) {
	var head struct {
		Kind     string `json:"kind"`
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(raw, &head) // an object that cannot be read has no name
	return head.Kind, head.Metadata.Name
}

// builtText is an object that kustomize made.
type builtText struct {
	built *kustomization
	i     int
}

// items says nothing of where the objects of a List are.
func (t *builtText) items(_ string, items []span) []place { return make([]place, len(items)) }

// find returns the place in the origin that has this value; else that of what
// changed it; else where the object begins.
func (t *builtText) find(path []step, value string) Position {
	own := t.built.start(t.i)
	if source := t.built.source(t.i); source != nil {
		var built, written any
		_ = json.Unmarshal(t.built.objects[t.i], &built) // both were read as objects
		_ = json.Unmarshal(source.Raw, &written)
		if there, ok := follow(built, written, path, value); ok {
			return source.place.text.find(append(steps(source.place.path), there...), value)
		}
	}
	return t.built.changed(value, own)
}

// follow finds the way in an object as it is written to what a path leads to in
// what was built of it: through elements of lists by their name, else by the
// value. It has to have the value there.
func follow(built, written any, path []step, value string) (there []step, ok bool) {
	if len(path) == 0 {
		return nil, written == any(value)
	}
	next, rest := path[0], path[1:]
	if next.field != "" {
		there, ok = follow(enterJSON(built, next), enterJSON(written, next), rest, value)
		return append([]step{next}, there...), ok
	}
	one := enterJSON(built, next)
	elements, _ := written.([]any)
	for _, byName := range []bool{true, false} {
		for i, element := range elements {
			if byName && !sameName(one, element) {
				continue
			}
			if there, ok = follow(one, element, rest, value); ok {
				return append([]step{{index: i}}, there...), true
			}
		}
	}
	return nil, false
}

// enterJSON goes one step down a tree of JSON.
func enterJSON(tree any, s step) any {
	switch node := tree.(type) {
	case map[string]any:
		return node[s.field]
	case []any:
		if s.field == "" && s.index < len(node) {
			return node[s.index]
		}
	}
	return nil
}

func sameName(a, b any) bool {
	name := enterJSON(a, step{field: "name"})
	return name != nil && name == enterJSON(b, step{field: "name"})
}

// changed returns the place of what made a value: an entry under images, or a
// patch, of the kustomization or of one that it is built of.
func (k *kustomization) changed(value string, otherwise Position) Position {
	if value == "" {
		return otherwise
	}
	if k.parts == nil {
		k.parts = chain(k.dir)
	}
	for _, p := range k.parts {
		if line := lineOfImage(p.file, value); line > 0 {
			return Position{File: p.file, Line: line}
		}
	}
	for _, p := range k.parts {
		for _, file := range append(p.patches(), p.file) {
			if line := lineWith(file, value); line > 0 {
				return Position{File: file, Line: line}
			}
		}
	}
	return otherwise
}

// override is an entry under images in a kustomization.
type override struct {
	Name    string `yaml:"name"`
	NewName string `yaml:"newName"`
	NewTag  string `yaml:"newTag"`
	Digest  string `yaml:"digest"`
	line    int
}

// UnmarshalYAML keeps the line.
func (o *override) UnmarshalYAML(node *yaml.Node) error {
	type plain override
	o.line = node.Line
	return node.Decode((*plain)(o))
}

// makes tells whether an image may be what the entry makes.
func (o *override) makes(image string) bool {
	name := o.NewName
	if name == "" {
		name = o.Name
	}
	rest, named := strings.CutPrefix(image, name)
	return name != "" && named && (rest == "" || rest[0] == ':' || rest[0] == '@') &&
		strings.HasSuffix(rest, o.NewTag) && strings.HasSuffix(rest, o.Digest)
}

// lineOfImage returns where the entry stands that makes an image; 0: nowhere.
func lineOfImage(file, image string) int {
	var written struct {
		Images []override `yaml:"images"`
	}
	content, _ := os.ReadFile(file)       //nolint:gosec // a kustomization; without it there are no entries
	_ = yaml.Unmarshal(content, &written) // what is no entry makes nothing
	for _, o := range written.Images {
		if o.makes(image) {
			return o.line
		}
	}
	return 0
}

// lineWith returns the first line of a file that has a value as a word; 0: none.
func lineWith(file, value string) int {
	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return 0
	}
	line := 1
	for text := range bytes.Lines(content) {
		before, after, found := bytes.Cut(text, []byte(value))
		if found && !isPart(before[max(len(before)-1, 0):]) && !isPart(after[:min(len(after), 1)]) {
			return line
		}
		line++
	}
	return 0
}

// isPart tells whether a letter makes an image's name beside it longer.
func isPart(letter []byte) bool {
	return bytes.ContainsAny(letter, "/:@._-") || bytes.ContainsFunc(letter, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}
