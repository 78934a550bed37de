// Command licences lists under which licences the modules are that the program is
// linked of, on all platforms of a release; it fails where one of them is none of
// those that are allowed. `make licences` writes docs/licences.md by it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// leastCovered is how much of a file, in percent, has to be a licence that is known.
const leastCovered = 75

// allowed are the licences that a dependency may have: all of them ask for no more
// than to be named, or, MPL-2.0, for the source of what was changed, which is
// nothing.
func allowed() []string {
	return []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense", "CC0-1.0", "Zlib"}
}

// module is one that is linked, with its licence files by their names in it.
type module struct {
	path, dir string
	files     map[string]licence
}

// licence is a file of a module.
type licence struct {
	names []string
	text  []byte
}

func main() {
	root := flag.String("root", "../..", "the folder of Pullgate's go.mod")
	texts := flag.String("texts", "", "a file to write all licences to, word for word")
	flag.Parse()
	if err := run(context.Background(), *root, *texts); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, texts string) error {
	modules, err := linked(ctx, root)
	if err != nil {
		return err
	}
	var wrong []error
	for _, m := range modules {
		wrong = append(wrong, m.judge())
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	fmt.Print(page(modules))
	if texts == "" {
		return nil
	}
	return os.WriteFile(texts, all(modules), 0o644) //nolint:gosec // for everybody to read
}

// linked are the modules of all packages of the program, on each system.
func linked(ctx context.Context, root string) ([]module, error) {
	known := map[string]*module{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		list := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", "./cmd/pullgate")
		list.Dir, list.Stderr = root, os.Stderr
		list.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSpace(line), "\t")
			if len(fields) != 3 {
				continue // of the standard library, or ours
			}
			m := known[fields[0]]
			if m == nil {
				m = &module{path: fields[0], dir: fields[1], files: map[string]licence{}}
				known[m.path] = m
			}
			if err := m.read(fields[2]); err != nil {
				return nil, err
			}
		}
	}
	var modules []module
	for _, path := range slices.Sorted(maps.Keys(known)) {
		modules = append(modules, *known[path])
	}
	return modules, nil
}

// read reads the licence files of a package: those in its folder, and in those
// above it up to the module's.
func (m *module) read(dir string) error {
	for {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := filepath.Join(dir, entry.Name())
			inside, err := filepath.Rel(m.dir, name)
			if _, done := m.files[inside]; err != nil || done || entry.IsDir() || !isLicence(entry.Name()) {
				continue
			}
			text, err := os.ReadFile(name) //nolint:gosec // in a module that is linked
			if err != nil {
				return err
			}
			m.files[inside] = licence{names: namesOf(text), text: text}
		}
		if dir == m.dir || len(dir) <= len(m.dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// isLicence tells by a file's name whether it may be one: of the program, not of its
// documents, which are not linked.
func isLicence(name string) bool {
	upper := strings.ToUpper(name)
	if slices.Contains([]string{".GO", ".S", ".DOCS"}, filepath.Ext(upper)) {
		return false
	}
	return strings.HasPrefix(upper, "LICENSE") || strings.HasPrefix(upper, "LICENCE") || strings.HasPrefix(upper, "COPYING") ||
		strings.HasPrefix(upper, "UNLICENSE") || strings.HasPrefix(upper, "NOTICE")
}

// namesOf are the licences in a text; none: it is none that is known.
func namesOf(text []byte) []string {
	covered := licensecheck.Scan(text)
	if covered.Percent < leastCovered {
		return nil
	}
	var names []string
	for _, match := range covered.Match {
		if !match.IsURL && !slices.Contains(names, match.ID) {
			names = append(names, match.ID)
		}
	}
	slices.Sort(names)
	return names
}

// names are the licences of a module, each once.
func (m *module) names() []string {
	var names []string
	for _, file := range m.files {
		names = append(names, file.names...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// judge says what is wrong with a module; nil: nothing is.
func (m *module) judge() error {
	names := m.names()
	if len(names) == 0 {
		return fmt.Errorf("%s: no licence that is known, in %q", m.path, slices.Sorted(maps.Keys(m.files)))
	}
	for _, name := range names {
		if !slices.Contains(allowed(), name) {
			return fmt.Errorf("%s: the licence %s is none of those that are allowed", m.path, name)
		}
	}
	return nil
}

// page is docs/licences.md.
func page(modules []module) string {
	var text strings.Builder
	fmt.Fprintf(&text, `# Under which licences are the modules that Pullgate is linked of?

Made by `+"`make licences`"+`, which fails where one has a licence that is not allowed: %s. CI checks that this page is up to date. Their texts are in the image and in the archives of a release, their versions in the SBOM beside it.

| module | licence |
|---|---|
`, strings.Join(allowed(), ", "))
	for _, m := range modules {
		fmt.Fprintf(&text, "| %s | %s |\n", m.path, strings.Join(m.names(), ", "))
	}
	return text.String()
}

// all are the texts of all licences, each once, with the modules that have it.
func all(modules []module) []byte {
	owners, order := map[string][]string{}, []string{}
	for _, m := range modules {
		for _, name := range slices.Sorted(maps.Keys(m.files)) {
			text := string(bytes.TrimSpace(m.files[name].text))
			if owners[text] == nil {
				order = append(order, text)
			}
			owners[text] = append(owners[text], m.path+"/"+filepath.ToSlash(name))
		}
	}
	var out bytes.Buffer
	out.WriteString("The licences of the modules that Pullgate is linked of, and their notices.\n")
	for _, text := range order {
		fmt.Fprintf(&out, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(owners[text], "\n"), text)
	}
	return out.Bytes()
}
