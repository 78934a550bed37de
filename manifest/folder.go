package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/resource"
)

// folder is one that is gone through.
type folder struct {
	in     *Input
	stream *Stream
	root   string

	excluded exclusions
	files    []string // with the endings that kubectl reads
	left     int      // files that were left out
	helms    charts
	built    plans
}

// readFolder reads the files of a folder that kubectl would, but for those that
// are no manifests by themselves: what a kustomization uses, of which it is
// built, and a chart's templates.
func (in *Input) readFolder(ctx context.Context, s *Stream, root string) {
	f := &folder{in: in, stream: s, root: filepath.Clean(root), helms: charts{}}
	f.excluded = in.excluding(s, f.root)
	if filepath.Base(f.root) == "templates" {
		f.helms.enter(filepath.Dir(f.root))
	}
	f.walk(ctx)
	f.built.settle()
	for _, name := range f.files {
		if ctx.Err() == nil {
			f.read(name)
		}
	}
	s.PassedOver = append(s.PassedOver, f.helms.lines()...)
	if len(f.files)+f.left+len(f.helms) == 0 {
		s.misnamed(root, fmt.Errorf("no file ends in %s", strings.Join(resource.FileExtensions, ", ")), emptyHint(in.Recursive))
	}
}

func emptyHint(recursive bool) string {
	if recursive {
		return "name the files themselves, whatever they end in"
	}
	return "-R goes into the folders inside it"
}

// walk finds the files. An entry that cannot be read concerns itself alone.
func (f *folder) walk(ctx context.Context) {
	root := f.root
	if linked, err := os.Lstat(root); err == nil && linked.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // on to what it leads to
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error { // it stops for nothing but the end
		path = filepath.Clean(path)
		switch {
		case ctx.Err() != nil:
			return filepath.SkipAll
		case err != nil:
			f.stream.fail(Position{File: path}, reason(err), "")
			return skipFolder(entry)
		case entry.IsDir():
			return f.enter(path)
		default:
			f.take(path, entry)
			return nil
		}
	})
}

func skipFolder(entry fs.DirEntry) error {
	if entry != nil && entry.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

// enter goes into a folder, or passes it over.
func (f *folder) enter(path string) error {
	switch {
	case path == f.root:
	case !f.in.Recursive:
		return filepath.SkipDir
	case f.excluded.excludes(path, true):
		f.left++
		return filepath.SkipDir
	}
	f.excluded = f.excluded.withFile(f.stream, path)
	f.helms.enter(path)
	f.built.add(path, f.excluded)
	return nil
}

// take takes a file up that kubectl would read (cli-runtime
// pkg/resource/visitor.go, ignoreFile).
func (f *folder) take(path string, entry fs.DirEntry) {
	if f.built.at(path) == nil && !slices.Contains(resource.FileExtensions, filepath.Ext(path)) {
		return
	}
	if f.excluded.excludes(path, false) {
		f.left++
		return
	}
	if entry.Type()&^fs.ModeSymlink != 0 {
		f.stream.fail(Position{File: path}, errors.New("no regular file"), "")
		return
	}
	f.files = append(f.files, path)
}

// read reads a file, or builds the kustomization that it is.
func (f *folder) read(path string) {
	dir := filepath.Dir(path)
	if found := f.built.at(path); found != nil {
		if found.alone {
			f.stream.readKustomization(dir)
		}
		return
	}
	if f.built.used[path] {
		return
	}
	if of := f.helms.of(path); of != nil {
		f.stream.join(of.read(path))
		return
	}
	first := len(f.stream.Objects)
	f.stream.readFile(path)
	for i := range f.stream.Objects[first:] {
		f.stream.Objects[first+i].Loose = f.built.byDir[dir] != nil
	}
}
