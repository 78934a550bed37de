package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/cli-runtime/pkg/resource"
)

const (
	// maxInput bounds one file or stream, so that an endless one is an error.
	maxInput = 256 << 20
	// attempts is how often kubectl asks for a URL (cli-runtime
	// pkg/resource/builder.go, defaultHttpGetAttempts).
	attempts = 3
	// urlTimeout bounds each attempt.
	urlTimeout = 30 * time.Second
)

// Stdin is the name that stands for standard input.
const Stdin = "-"

// Input says what to read.
type Input struct {
	// Files are files, folders, glob patterns, URLs, and "-" for Stdin.
	Files []string
	// Recursive goes into the folders of folders.
	Recursive bool
	// Kustomize is a folder or URL with a kustomization; empty: none.
	Kustomize string
	// Stdin is standard input.
	Stdin io.Reader
	// HTTP reads URLs; nil: http.DefaultClient.
	HTTP *http.Client
}

// Read reads everything. What fails is among the stream's problems; the rest
// is there all the same.
func Read(ctx context.Context, in Input) Stream {
	var s Stream
	stdinRead := false
	for _, name := range in.Files {
		switch {
		case name == Stdin && stdinRead: // there is only one
		case name == Stdin:
			stdinRead = true
			s.readFrom(Stdin, in.Stdin)
		case isURL(name):
			in.readURL(ctx, &s, name)
		default:
			in.readPath(ctx, &s, name)
		}
		if ctx.Err() != nil {
			break
		}
	}
	if in.Kustomize != "" {
		s.readKustomization(in.Kustomize)
	}
	return s
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// readPath reads a file, a folder, or whatever matches a pattern. Which files
// of a folder count is cli-runtime's to say.
func (in *Input) readPath(ctx context.Context, s *Stream, name string) {
	paths, err := expandPattern(name)
	if err != nil {
		s.fail(Position{File: name}, err, "-f takes a file, a folder, a pattern, a URL, or - for standard input")
		return
	}
	for _, path := range paths {
		visitors, err := resource.ExpandPathsToFileVisitors(nil, path, in.Recursive, resource.FileExtensions, nil)
		if err != nil {
			s.fail(Position{File: path}, reason(err), "")
			continue
		}
		for _, visitor := range visitors {
			if file, ok := visitor.(*resource.FileVisitor); ok && ctx.Err() == nil {
				s.readFile(file.Path)
			}
		}
		if len(visitors) == 0 {
			s.fail(Position{File: path}, fmt.Errorf("no file ends in %s", strings.Join(resource.FileExtensions, ", ")), emptyHint(in.Recursive))
		}
	}
}

func emptyHint(recursive bool) string {
	if recursive {
		return "name the files themselves, whatever they end in"
	}
	return "-R goes into the folders inside it"
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
	text, err := io.ReadAll(io.LimitReader(decoded, maxInput+1))
	switch {
	case err != nil:
		s.fail(Position{File: name}, reason(err), "")
	case len(text) > maxInput:
		s.fail(Position{File: name}, fmt.Errorf("is larger than %d MiB", maxInput>>20), "check it in parts")
	default:
		s.add(name, text)
	}
}

// readURL reads a URL, again after a server's error.
func (in *Input) readURL(ctx context.Context, s *Stream, address string) {
	client := in.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		var again bool
		if again, err = s.tryURL(ctx, client, address); !again {
			break
		}
	}
	if err != nil {
		s.fail(Position{File: address}, err, "")
	}
}

// tryURL reads a URL once, and tells whether to try again.
func (s *Stream) tryURL(ctx context.Context, client *http.Client, address string) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, urlTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Errorf("not a URL: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return true, fmt.Errorf("cannot be read: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return response.StatusCode >= http.StatusInternalServerError, fmt.Errorf("cannot be read: the server answered %s", response.Status)
	}
	s.readFrom(address, response.Body)
	return false, nil
}
