package manifest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// maxInput bounds one file or stream, so that an endless one is an error.
const maxInput = 256 << 20

// Stdin is the name that stands for standard input.
const Stdin = "-"

// Input says what to read.
type Input struct {
	// Files are files, folders, glob patterns, URLs, and "-" for Stdin.
	Files []string
	// Recursive goes into the folders of folders.
	Recursive bool
	// Exclude are globs of what is left out of folders, as in a .gitignore.
	Exclude []string
	// Kustomize are folders or URLs with a kustomization.
	Kustomize []string
	// Stdin is standard input.
	Stdin io.Reader
	// HTTP reads URLs; nil: http.DefaultClient.
	HTTP *http.Client
}

// Read reads everything. What fails is among the stream's problems; the rest
// is there all the same. What is not read when the context ends is a problem,
// be it that whoever reads it heeds no context.
func Read(ctx context.Context, in Input) Stream {
	var s Stream
	stdinRead := false
	for _, name := range in.Files {
		if name == Stdin && stdinRead {
			continue // there is only one
		}
		stdinRead = stdinRead || name == Stdin
		s.join(within(ctx, name, func(s *Stream) { in.read(ctx, s, name) }))
	}
	for _, dir := range in.Kustomize {
		s.join(within(ctx, dir, func(s *Stream) { s.readKustomization(dir) }))
	}
	return s
}

// within reads until the context ends.
func within(ctx context.Context, name string, read func(*Stream)) Stream {
	done := make(chan Stream, 1)
	go func() {
		var s Stream
		read(&s)
		done <- s
	}()
	select {
	case s := <-done:
		return s
	case <-ctx.Done():
		var s Stream
		s.fail(Position{File: name}, fmt.Errorf("not read to its end: %w", context.Cause(ctx)), "")
		return s
	}
}

// read reads one of Files.
func (in *Input) read(ctx context.Context, s *Stream, name string) {
	switch {
	case name == Stdin:
		in.readStdin(s)
	case isURL(name):
		in.readURL(ctx, s, name)
	default:
		in.readPath(ctx, s, name)
	}
}

// readStdin reads standard input. That there is nothing is what a failure of
// the program that should have written to it looks like.
func (in *Input) readStdin(s *Stream) {
	s.readFrom(Stdin, in.Stdin)
	if len(s.Objects)+s.Foreign+len(s.Problems) == 0 {
		s.misnamed(Stdin, errors.New("there is nothing on standard input"), "see what the program before it says: `set -o pipefail` makes its failure count")
	}
}

// readPath reads a file, a folder, or whatever matches a pattern.
func (in *Input) readPath(ctx context.Context, s *Stream, name string) {
	paths, err := expandPattern(name)
	if err != nil {
		s.misnamed(name, err, "-f takes a file, a folder, a pattern, a URL, or - for standard input")
		return
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			s.fail(Position{File: path}, reason(err), "")
		case info.IsDir():
			in.readFolder(ctx, s, path)
		default:
			s.readFile(path)
		}
	}
}

// expandPattern returns the paths that a name stands for: itself where it
// exists, else what it matches as a pattern.
func expandPattern(name string) ([]string, error) {
	_, err := os.Stat(name)
	if err == nil {
		return []string{name}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, reason(err)
	}
	matches, globErr := filepath.Glob(name)
	switch {
	case globErr != nil:
		return nil, fmt.Errorf("no such file, and no pattern: %w", globErr)
	case len(matches) == 0:
		return nil, errors.New("no such file or folder")
	default:
		return matches, nil
	}
}

// reason drops the path from an error of the file system, which the position
// names already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (s *Stream) readFile(path string) {
	file, err := os.Open(path) //nolint:gosec // a file that the user named
	if err != nil {
		s.fail(Position{File: path}, reason(err), "")
		return
	}
	defer file.Close() //nolint:errcheck // it was only read
	s.readFrom(path, file)
}

// readFrom reads one stream to its end.
func (s *Stream) readFrom(name string, from io.Reader) {
	// As kubectl does for files: a byte order mark decides (cli-runtime
	// pkg/resource/visitor.go, FileVisitor).
	decoded := transform.NewReader(from, unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	var text bytes.Buffer
	if sized, ok := from.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := sized.Stat(); err == nil && info.Mode().IsRegular() {
			text.Grow(int(min(info.Size(), maxInput)) + bytes.MinRead)
		}
	}
	_, err := text.ReadFrom(io.LimitReader(decoded, maxInput+1))
	switch {
	case err != nil:
		s.fail(Position{File: name}, reason(err), "")
	case text.Len() > maxInput:
		s.fail(Position{File: name}, fmt.Errorf("is larger than %d MiB", maxInput>>20), "check it in parts")
	default:
		s.add(name, text.Bytes())
	}
}
