package nodeprofile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxFile bounds a file of settings.
	maxFile = 4 << 20
	// maxLinks bounds the symbolic links on the way to a file, as Linux does.
	maxLinks = 40
)

// root is a node's file system, or a copy of it.
type root struct {
	dir      string
	problems []string
}

// problem notes what could not be read. Of a parser's error nothing is said: it
// may quote a secret.
func (r *root) problem(name, what string) {
	if text := name + ": " + what; !slices.Contains(r.problems, text) {
		r.problems = append(r.problems, text)
	}
}

// read returns a file's content, nil where there is none.
func (r *root) read(name string) []byte {
	if name == "" {
		return nil
	}
	data, err := r.readFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem(name, reasonOf(err))
	}
	return data
}

// lines returns what a file says, without the lines that are comments.
func (r *root) lines(name string) string {
	var b strings.Builder
	for line := range strings.Lines(string(r.read(name))) {
		if first := strings.TrimSpace(line); !strings.HasPrefix(first, "#") && !strings.HasPrefix(first, ";") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// reasonOf is an error without the path on this machine.
func reasonOf(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

func (r *root) readFile(name string) ([]byte, error) {
	at, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(at)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is no file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("is larger than %d MiB", maxFile>>20)
	}
	file, err := os.Open(at) //nolint:gosec // one of the node's files, in its file system
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, maxFile))
}

// exists tells whether there is a file or folder of this name.
func (r *root) exists(name string) bool {
	at, err := r.resolve(name)
	if err == nil {
		_, err = os.Stat(at)
	}
	return err == nil
}

// list returns the names in a folder, sorted; none where there is no folder.
func (r *root) list(folder string) []string {
	at, err := r.resolve(folder)
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(at)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.problem(folder, reasonOf(err))
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// glob returns the files of a folder whose names match a pattern, sorted.
func (r *root) glob(folder, pattern string) []string {
	var found []string
	for _, name := range r.list(folder) {
		if matches, _ := path.Match(pattern, name); matches {
			found = append(found, path.Join(folder, name))
		}
	}
	return found
}

// resolve finds a file of the node's: its links lead through the node's file
// system, not through this machine's.
func (r *root) resolve(name string) (string, error) {
	at, rest, links := "/", path.Clean("/"+name), 0
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		next := path.Join(at, part)
		target, err := os.Readlink(filepath.Join(r.dir, next))
		if err != nil { // no link
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", errors.New("too many symbolic links")
		}
		if !path.IsAbs(target) {
			target = path.Join(at, target)
		}
		at, rest = "/", path.Join("/", target, rest)
	}
	return filepath.Join(r.dir, at), nil
}

// expanded puts in what MicroK8s' own arguments name.
func expanded(text string) string {
	return strings.ReplaceAll(text, "${SNAP_DATA}", "/var/snap/microk8s/current")
}

// isFolder tells whether there is a folder of this name.
func (r *root) isFolder(name string) bool {
	at, err := r.resolve(name)
	if err != nil {
		return false
	}
	info, err := os.Stat(at)
	return err == nil && info.IsDir()
}
