package manifest

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
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
// kubectl (cli-runtime pkg/resource/kustomizevisitor.go), which refuses what
// comes of it without being an object.
func (s *Stream) readKustomization(dir string) {
	defer func() {
		if value := recover(); value != nil {
			s.fail(Position{File: dir}, fmt.Errorf("the kustomization cannot be built: kustomize failed: %v", value), "")
		}
	}()
	built, err := runKustomize(dir)
	if err != nil {
		s.fail(Position{File: dir}, fmt.Errorf("the kustomization cannot be built: %s", inWords(err)), "`kubectl kustomize "+dir+"` says the same")
		return
	}
	for i, raw := range built.objects {
		foreign := s.Foreign
		s.addObject(raw, built.start(i), place{text: &builtText{built: built, i: i}}, 0)
		if s.Foreign > foreign {
			s.fail(built.start(i), errors.New("kubectl refuses what comes of the kustomization: an object without apiVersion or kind"), "")
		}
	}
}

// goTypes are what Go's JSON reader says of values of another type.
var goTypes = regexp.MustCompile(`json: cannot unmarshal (\w+) into Go (?:struct field \w+\.|value of type )(\S+)(?: of type \S+)?`)

// inWords writes an error of the library in one line, and without Go's types.
func inWords(err error) string {
	text := goTypes.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), "a $1 stands where $2 has something else")
	return strings.ReplaceAll(text, "json: unknown field", "unknown field")
}

// runKustomize builds what comes of a folder.
func runKustomize(dir string) (*kustomization, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	k := &kustomization{dir: dir, file: filepath.Join(dir, konfig.DefaultKustomizationFileName())}
	if p := findPlan(dir); p != nil {
		k.file = p.file
	}
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

// withOrigins returns a kustomization with the option, and else as it was
// written: what kustomize refuses of it, it is to refuse. So it stays as it is
// where it is no kustomization.
func withOrigins(content []byte) []byte {
	var fields map[string]any
	if syaml.UnmarshalStrict(content, &fields) != nil || fields == nil {
		return content
	}
	present, has := fields["buildMetadata"]
	if !has {
		longer := append(slices.Clone(content), "\nbuildMetadata: ["+originOption+"]\n"...)
		var again map[string]any
		if syaml.UnmarshalStrict(longer, &again) == nil && again["buildMetadata"] != nil && len(again) == len(fields)+1 {
			return longer
		}
	}
	options, isList := present.([]any)
	if has && present != nil && !isList || slices.Contains(options, any(originOption)) {
		return content
	}
	fields["buildMetadata"] = append(options, originOption)
	changed, err := syaml.Marshal(fields)
	if err != nil {
		return content
	}
	return changed
}

// origin returns the file that an object is from, or that of what made it, if
// it is a local one, and takes the annotation away.
func (k *kustomization) origin(object *resource.Resource) string {
	annotations := object.GetAnnotations()
	var from resource.Origin
	_ = yaml.Unmarshal([]byte(annotations[originAnnotation]), &from) // else it has none
	delete(annotations, originAnnotation)
	err := object.SetAnnotations(annotations)
	switch {
	case err != nil || from.Repo != "":
		return k.file
	case from.Path != "":
		return filepath.Join(k.dir, from.Path)
	case from.ConfiguredIn != "":
		return filepath.Join(k.dir, from.ConfiguredIn)
	default:
		return k.file
	}
}
