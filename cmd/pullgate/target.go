package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// target is a file that is to be written, or standard output.
type target struct {
	path string      // with no links in it; "" for standard output
	was  fs.FileInfo // what is there; nil: nothing, or nothing that is known
}

// targetOf looks whether a file can be written, and leaves it as it is. Without
// a name it is standard output.
func targetOf(name string, stdout io.Writer) (*target, error) {
	if name == "" {
		t := &target{}
		if file, ok := stdout.(*os.File); ok {
			t.was, _ = file.Stat() // what is not known is like nothing else
		}
		return t, nil
	}
	path, err := withoutLinks(name)
	if err != nil {
		return nil, err
	}
	t := &target{path: path}
	if t.was, err = os.Stat(path); err == nil && !t.was.Mode().IsRegular() && !t.was.IsDir() {
		return t, nil // a pipe takes it ill to be opened in vain
	}
	how := os.O_WRONLY
	if t.was == nil {
		how |= os.O_CREATE | os.O_EXCL
	}
	file, err := os.OpenFile(path, how, 0o666) //nolint:gosec // as for every new file, the umask decides
	if err != nil {
		return nil, err
	}
	err = file.Close()
	if t.was == nil {
		err = errors.Join(err, os.Remove(path))
	}
	return t, err
}

// withoutLinks is where a file is or will be.
func withoutLinks(name string) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path, nil //nolint:nilerr // whether it can be written shows when it is opened
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// same tells whether both are one file. A terminal or /dev/null takes what comes.
func (t *target) same(other *target) bool {
	if t.was == nil || other.was == nil {
		return t.path == other.path
	}
	return os.SameFile(t.was, other.was) && (t.path == other.path || t.was.Mode()&fs.ModeCharDevice == 0)
}

// write replaces what is there by something whole, or writes into what cannot
// be replaced: a pipe, or a file in a folder that lets nothing new in.
func (t *target) write(text []byte) error {
	if t.was == nil || t.was.Mode().IsRegular() {
		if t.replace(text) == nil {
			return nil
		}
	}
	return os.WriteFile(t.path, text, 0o666) //nolint:gosec // as for every new file, the umask decides
}

// replace puts a new file in the place of the old one.
func (t *target) replace(text []byte) error {
	name := fmt.Sprintf("%s.%d.new", t.path, os.Getpid())
	err := os.WriteFile(name, text, 0o666) //nolint:gosec // as for every new file, the umask decides
	if err == nil && t.was != nil {
		err = os.Chmod(name, t.was.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(name, t.path)
	}
	if err != nil {
		_ = os.Remove(name) // it is of no use
	}
	return err
}
