package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	syaml "sigs.k8s.io/yaml"
)

const (
	// originAnnotation is where kustomize writes which file an object is from.
	originAnnotation = "config.kubernetes.io/origin"
	// originOption makes it do so.
	originOption = "originAnnotations"
)

// readKustomization builds a kustomization with the library and the options of
// kubectl (cli-runtime pkg/resource/kustomizevisitor.go).
func (s *Stream) readKustomization(dir string) {
	defer func() {
		if value := recover(); value != nil {
			s.fail(Position{File: dir}, fmt.Errorf("the kustomization cannot be built: kustomize failed: %v", value), "")
		}
	}()
	built, err := build(dir)
	if err != nil {
		s.fail(Position{File: dir}, fmt.Errorf("the kustomization cannot be built: %s", oneLine(err)), "`kubectl kustomize "+dir+"` says the same")
		return
	}
	for i, raw := range built.objects {
		s.addObject(raw, built.start(i), place{text: &builtText{built: built, i: i}}, 0)
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// build runs kustomize.
func build(dir string) (*kustomization, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	k := &kustomization{dir: dir, streams: map[string]Stream{}}
	k.file = filepath.Join(dir, k.fileName())
	objects, err := krusty.MakeKustomizer(options).Run(k.tracking(), dir)
	if err != nil {
		return nil, err
	}
	for _, object := range objects.Resources() {
		k.origins = append(k.origins, k.origin(object))
		raw, err := object.MarshalJSON()
		if err != nil {
			return nil, err
		}
		k.objects = append(k.objects, raw)
	}
	return k, nil
}

// kustomization is one that was built, with where its objects come from.
type kustomization struct {
	dir, file string
	objects   [][]byte
	origins   []string
	streams   map[string]Stream // of origins, as they are written
	images    *[]override
}

// fileName is the kustomization's own file; the usual name where there is none.
func (k *kustomization) fileName() string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if _, err := os.Stat(filepath.Join(k.dir, name)); err == nil {
			return name
		}
	}
	return konfig.DefaultKustomizationFileName()
}

// tracking is the disk, but for the kustomization's own file, which gets the
// option that makes kustomize say where an object is from.
func (k *kustomization) tracking() filesys.FileSystem {
	disk := filesys.MakeFsOnDisk()
	root, _, err := disk.CleanedAbs(k.dir)
	if err != nil {
		return disk
	}
	return trackingDisk{FileSystem: disk, file: root.Join(filepath.Base(k.file))}
}

type trackingDisk struct {
	filesys.FileSystem
	file string
}

// ReadFile adds the option to the one file.
func (d trackingDisk) ReadFile(name string) ([]byte, error) {
	content, err := d.FileSystem.ReadFile(name)
	if err != nil || name != d.file {
		return content, err
	}
	return withOrigins(content), nil
}

// withOrigins returns a kustomization with the option; as it was where it is
// no kustomization, so that kustomize says so.
func withOrigins(content []byte) []byte {
	var fields map[string]any
	if syaml.UnmarshalStrict(content, &fields) != nil || fields == nil {
		return content
	}
	options, _ := fields["buildMetadata"].([]any)
	if slices.Contains(options, any(originOption)) {
		return content
	}
	fields["buildMetadata"] = append(options, originOption)
	changed, err := syaml.Marshal(fields)
	if err != nil {
		return content
	}
	return changed
}

// origin returns the file that an object is from, if it is a local one, and
// takes the annotation away.
func (k *kustomization) origin(object *resource.Resource) string {
	annotations := object.GetAnnotations()
	var from resource.Origin
	_ = yaml.Unmarshal([]byte(annotations[originAnnotation]), &from) // else it has none
	delete(annotations, originAnnotation)
	if err := object.SetAnnotations(annotations); err != nil || from.Repo != "" || from.Path == "" {
		return k.file
	}
	return filepath.Join(k.dir, from.Path)
}

// start is where an object begins in its origin.
func (k *kustomization) start(i int) Position {
	if source := k.source(i); source != nil {
		return source.Start
	}
	return Position{File: k.origins[i], Line: 1}
}

// source finds an object in its origin: one of the same kind, of the same name
// but for what kustomize puts before and after it.
func (k *kustomization) source(i int) *Object {
	name := k.origins[i]
	if name == k.file {
		return nil
	}
	stream, read := k.streams[name]
	if !read {
		stream.readFile(name)
		k.streams[name] = stream
	}
	kind, built := identity(k.objects[i])
	for j := range stream.Objects {
		if sourceKind, source := identity(stream.Objects[j].Raw); sourceKind == kind && strings.Contains(built, source) {
			return &stream.Objects[j]
		}
	}
	return nil
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
func (t *builtText) items(_ string, n int) []place { return make([]place, n) }

// find returns the place in the origin where it has this value there; else the
// kustomization's word on the image, which changed it.
func (t *builtText) find(path []step, value string) Position {
	source := t.built.source(t.i)
	if source == nil {
		return t.built.overrideOf(value, t.built.start(t.i))
	}
	at := source.place.text.find(append(steps(source.place.path), path...), value)
	if written, ok := lookUp(source.Raw, path); ok && written == value {
		return at
	}
	return t.built.overrideOf(value, at)
}

// lookUp returns the text at a path.
func lookUp(raw []byte, path []step) (string, bool) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	for _, s := range path {
		if _, ok := seek(decoder, s); !ok {
			return "", false
		}
	}
	var value string
	err := decoder.Decode(&value)
	return value, err == nil
}

// override is an entry under images in the kustomization.
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
	return name != "" && strings.HasPrefix(image, name) &&
		strings.HasSuffix(image, o.NewTag) && strings.HasSuffix(image, o.Digest)
}

// overrideOf returns the place of the entry that made an image, or else the
// other place.
func (k *kustomization) overrideOf(image string, otherwise Position) Position {
	if k.images == nil {
		var file struct {
			Images []override `yaml:"images"`
		}
		content, _ := os.ReadFile(k.file) // without it there are no entries
		_ = yaml.Unmarshal(content, &file)
		k.images = &file.Images
	}
	for _, o := range *k.images {
		if o.makes(image) {
			return Position{File: k.file, Line: o.line}
		}
	}
	return otherwise
}
