package manifest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// chartFile is in the folder of every chart.
const chartFile = "Chart.yaml"

// chart is a folder of Helm's. Its files are templates, or belong to Helm; of
// the others those count that are manifests.
type chart struct {
	dir       string
	templates int
}

// String says what becomes of it.
func (c *chart) String() string {
	dir := filepath.ToSlash(c.dir) + "/"
	return fmt.Sprintf("%s: %s; render them: `helm template %s | pullgate check -f -`", dir, counted(c.templates, "template"), dir)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// charts are those of a tree of folders, by folder.
type charts map[string]*chart

// enter takes a folder up if it is a chart of its own.
func (all charts) enter(dir string) {
	if all.of(filepath.Join(dir, chartFile)) != nil {
		return
	}
	if _, err := os.Stat(filepath.Join(dir, chartFile)); err == nil {
		all[dir] = &chart{dir: dir}
	}
}

// of returns the outermost chart in which a file is; nil: in none.
func (all charts) of(path string) *chart {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if found := all[dir]; found != nil {
			return found
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// lines say what becomes of each.
func (all charts) lines() (lines []string) {
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, all[dir].String())
	}
	return lines
}

// read reads a file of the chart if it is a manifest, and counts it if it is a
// template.
func (c *chart) read(path string) Stream {
	relative, err := filepath.Rel(c.dir, path)
	first, rest, _ := strings.Cut(filepath.ToSlash(relative), "/")
	switch {
	case err != nil, first == chartFile, strings.HasPrefix(first, "values"), first == "crds":
		return Stream{}
	case first == "templates", first == "charts" && strings.Contains("/"+rest, "/templates/"):
		c.templates++
		return Stream{}
	case first == "charts":
		return Stream{}
	}
	var s Stream
	s.readFile(path)
	if len(s.Problems) > 0 {
		c.templates++
		s.Problems = nil
	}
	return s
}
