package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ignoreFile is read in the working folder and in every folder that is gone
// through.
const ignoreFile = ".pullgateignore"

// exclusions are what is left out of folders. The last pattern that matches
// decides, as in a .gitignore.
type exclusions []exclusion

// exclusion is one pattern of a .gitignore (git-scm.com/docs/gitignore).
type exclusion struct {
	base     string // an absolute path, to which the pattern is relative
	match    *regexp.Regexp
	negated  bool
	dirsOnly bool
}

// newExclusion reads a pattern; none for an empty line or a comment.
func newExclusion(base, line string) (exclusion, bool, error) {
	pattern := strings.TrimRight(line, " \t\r")
	if pattern == "" || pattern[0] == '#' {
		return exclusion{}, false, nil
	}
	e := exclusion{base: base}
	pattern, e.negated = strings.CutPrefix(pattern, "!")
	pattern, e.dirsOnly = strings.CutSuffix(pattern, "/")
	anchored := strings.Contains(pattern, "/")
	expression := "^(?:.*/)?"
	if anchored {
		expression = "^"
	}
	var err error
	e.match, err = regexp.Compile(expression + globExpression(strings.TrimPrefix(pattern, "/")) + "$")
	if err != nil {
		return e, false, fmt.Errorf("%q is no pattern", line)
	}
	return e, true, nil
}

// globExpression writes a pattern as a regular expression: * and ? stop at
// slashes, ** does not.
func globExpression(pattern string) string {
	var text strings.Builder
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, "**/"):
			text.WriteString("(?:.*/)?")
			i += len("**/") - 1
		case strings.HasPrefix(rest, "**"):
			text.WriteString(".*")
			i++
		case rest[0] == '*':
			text.WriteString("[^/]*")
		case rest[0] == '?':
			text.WriteString("[^/]")
		case rest[0] == '[' && strings.Contains(rest, "]"):
			end := strings.Index(rest, "]")
			text.WriteString("[" + strings.Replace(rest[1:end], "!", "^", 1) + "]")
			i += end
		case rest[0] == '\\' && len(rest) > 1:
			text.WriteString(regexp.QuoteMeta(rest[1:2]))
			i++
		default:
			text.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	return text.String()
}

// excludes tells whether a file or folder is left out. What is in a folder that
// is left out is never asked for.
func (all exclusions) excludes(path string, isDir bool) bool {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	excluded := false
	for _, e := range all {
		relative, err := filepath.Rel(e.base, absolute)
		outside := err != nil || relative == "." || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator))
		if !outside && (isDir || !e.dirsOnly) && e.match.MatchString(filepath.ToSlash(relative)) {
			excluded = !e.negated
		}
	}
	return excluded
}

// excluding returns the patterns of Exclude, which are relative to the working
// folder or to the one that is gone through, and those of the working folder's
// own file.
func (in *Input) excluding(s *Stream, root string) exclusions {
	var all exclusions
	all = all.withFile(s, ".")
	for _, base := range []string{".", root} {
		absolute, err := filepath.Abs(base)
		if err != nil {
			continue
		}
		for _, pattern := range in.Exclude {
			if e, ok, err := newExclusion(absolute, pattern); err != nil && base == root {
				s.misnamed("--exclude", err, "write it as in a .gitignore: docs/, *.tmpl.yaml, **/test/*")
			} else if ok {
				all = append(all, e)
			}
		}
	}
	return all
}

// withFile adds the patterns of the file in a folder, if there is one.
func (all exclusions) withFile(s *Stream, dir string) exclusions {
	name := filepath.Join(dir, ignoreFile)
	file, err := os.Open(name) //nolint:gosec // in a folder that the user named
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.fail(Position{File: name}, reason(err), "")
		}
		return all
	}
	defer file.Close() //nolint:errcheck // it was only read
	base, err := filepath.Abs(dir)
	if err != nil {
		s.fail(Position{File: name}, err, "")
		return all
	}
	lines := bufio.NewScanner(file)
	for line := 1; lines.Scan(); line++ {
		e, ok, err := newExclusion(base, lines.Text())
		if err != nil {
			s.fail(Position{File: name, Line: line}, err, "write it as in a .gitignore")
		}
		if ok {
			all = append(all, e)
		}
	}
	return all
}
