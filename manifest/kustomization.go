package manifest

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	syaml "sigs.k8s.io/yaml"
)

// plan is a kustomization as it is written.
type plan struct {
	dir, file string
	types.Kustomization
	// alone says that no other uses it, so that it is to be built.
	alone bool
}

// findPlan returns the kustomization of a folder; nil where there is none. What
// cannot be read of it kustomize says.
func findPlan(dir string) *plan {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := filepath.Join(dir, name)
		content, err := os.ReadFile(file) //nolint:gosec // in a folder that the user named
		if err != nil {
			continue
		}
		p := &plan{dir: dir, file: file}
		_ = syaml.Unmarshal(content, &p.Kustomization) // else it uses nothing
		return p
	}
	return nil
}

// folders are those that it is built of.
func (p *plan) folders() []string {
	return p.paths(p.Resources, p.Bases, p.Components, p.Generators, p.Transformers, p.Validators) //nolint:staticcheck // people still write bases
}

// patches are the files that change what it is built of.
func (p *plan) patches() []string {
	var merged, named []string
	for _, patch := range p.PatchesStrategicMerge { //nolint:staticcheck // people still write them
		merged = append(merged, string(patch))
	}
	for _, patch := range slices.Concat(p.Patches, p.PatchesJson6902) { //nolint:staticcheck // people still write them
		named = append(named, patch.Path)
	}
	return p.paths(merged, named)
}

// uses are all files and folders that it names.
func (p *plan) uses() []string {
	var named []string
	for _, replacement := range p.Replacements {
		named = append(named, replacement.Path)
	}
	for _, helm := range p.HelmCharts {
		named = append(append(named, helm.ValuesFile), helm.AdditionalValuesFiles...)
	}
	for _, from := range p.ConfigMapGenerator {
		named = append(named, inputs(from.KvPairSources)...)
	}
	for _, from := range p.SecretGenerator {
		named = append(named, inputs(from.KvPairSources)...)
	}
	return slices.Concat(p.folders(), p.patches(), p.paths(named, p.Crds, p.Configurations, []string{p.OpenAPI["path"]}))
}

// inputs are the files of a generator: [KEY=]FILE.
func inputs(from types.KvPairSources) []string {
	files := append(slices.Clone(from.EnvSources), from.EnvSource)
	for _, written := range from.FileSources {
		_, file, keyed := strings.Cut(written, "=")
		if !keyed {
			file = written
		}
		files = append(files, file)
	}
	return files
}

// paths are names as seen from where the folder is.
func (p *plan) paths(lists ...[]string) (paths []string) {
	for _, name := range slices.Concat(lists...) {
		if name != "" && !strings.Contains(name, "\n") {
			paths = append(paths, filepath.Join(p.dir, name))
		}
	}
	return paths
}

// chain is a kustomization with all that it is built of, the outermost first.
func chain(dir string) (all []*plan) {
	seen := map[string]bool{}
	next := []string{filepath.Clean(dir)}
	for len(next) > 0 {
		dir, next = next[0], next[1:]
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if p := findPlan(dir); p != nil {
			all = append(all, p)
			next = append(next, p.folders()...)
		}
	}
	return all
}

// plans are the kustomizations of a tree of folders.
type plans struct {
	byDir map[string]*plan
	used  map[string]bool // files and folders that one of them names
}

// add takes up the kustomization of a folder, unless it is left out.
func (all *plans) add(dir string, excluded exclusions) {
	p := findPlan(dir)
	if p == nil || excluded.excludes(p.file, false) {
		return
	}
	if all.byDir == nil {
		all.byDir, all.used = map[string]*plan{}, map[string]bool{}
	}
	all.byDir[dir] = p
	for _, path := range p.uses() {
		all.used[path] = true
	}
}

// at returns the kustomization that a file is.
func (all *plans) at(file string) *plan {
	if p := all.byDir[filepath.Dir(file)]; p != nil && p.file == file {
		return p
	}
	return nil
}

// settle says which are to be built: those that no other uses, and one of those
// that use each other. A Component cannot stand alone.
func (all *plans) settle() {
	reached := map[string]bool{}
	var reach func(dir string)
	reach = func(dir string) {
		p := all.byDir[dir]
		if p == nil || reached[dir] {
			return
		}
		reached[dir] = true
		for _, used := range p.folders() {
			reach(used)
		}
	}
	var ordered []*plan
	for _, p := range all.byDir {
		ordered = append(ordered, p)
	}
	slices.SortFunc(ordered, func(a, b *plan) int { return cmp.Compare(a.dir, b.dir) })
	for _, circles := range []bool{false, true} {
		for _, p := range ordered {
			if !reached[p.dir] && (circles || !all.used[p.dir]) {
				p.alone = p.Kind != types.ComponentKind
				reach(p.dir)
			}
		}
	}
}
