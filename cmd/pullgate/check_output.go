package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/pullgate/pullgate/report"
)

// output is one of -o.
type output struct {
	format report.Format
	to     io.Writer
	file   *os.File // nil for standard output
}

type outputs []output

// openOutputs opens the files before anything is asked, so that a check's work
// is not lost to a slip in a name.
func openOutputs(wanted []string, stdout io.Writer) (outputs, error) {
	if len(wanted) == 0 {
		wanted = []string{string(report.Text)}
	}
	var all outputs
	toStdout := ""
	for _, one := range wanted {
		format, name, _ := strings.Cut(one, "=")
		if !slices.Contains(report.Formats(), report.Format(format)) {
			_ = all.close() // nothing was written yet
			return nil, notOneOf("--output", format, names(report.Formats()))
		}
		if name == "" || name == "-" {
			if toStdout != "" {
				_ = all.close() // nothing was written yet
				return nil, &hintedError{
					err:  fmt.Errorf("--output %s and %s both go to standard output", toStdout, format),
					hint: fmt.Sprintf("write one to a file: -o %s=FILE", format),
				}
			}
			toStdout = format
			all = append(all, output{format: report.Format(format), to: stdout})
			continue
		}
		file, err := os.Create(name) //nolint:gosec // the file that the user named
		if err != nil {
			_ = all.close() // nothing was written yet
			return nil, fmt.Errorf("--output %s: %w", one, err)
		}
		all = append(all, output{format: report.Format(format), to: file, file: file})
	}
	return all, nil
}

// write writes the report to each.
func (all outputs) write(r *report.Report) error {
	for _, o := range all {
		style := styleOf(o.to)
		style.Version = buildVersion()
		if err := r.Write(o.to, o.format, style); err != nil {
			return err
		}
	}
	return all.close()
}

// close closes the files.
func (all outputs) close() error {
	var errs []error
	for _, o := range all {
		if o.file == nil {
			continue
		}
		if err := o.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, fmt.Errorf("write the report: %w", err))
		}
	}
	return errors.Join(errs...)
}

// styleOf is how text is shown where it goes: coloured and wrapped on a
// terminal alone, and never coloured against the user's wish (no-color.org).
func styleOf(w io.Writer) report.Style {
	fd, ok := terminal(w)
	if !ok {
		return report.Style{}
	}
	style := report.Style{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		style.Width = width
	} else if width, _, err := term.GetSize(fd); err == nil {
		style.Width = width
	}
	return style
}

// terminal tells whether a writer is one.
func terminal(w io.Writer) (fd int, ok bool) {
	file, isFile := w.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(file.Fd())
	return fd, term.IsTerminal(fd)
}

// complaints writes warnings and problems to standard error, each once, and
// remembers the warnings for the report. It takes libraries' logs, too.
type complaints struct {
	out io.Writer

	mu   sync.Mutex
	said []string
}

func (c *complaints) warn(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.said, text) {
		return
	}
	c.said = append(c.said, text)
	_, _ = fmt.Fprintf(c.out, "warning: %s\n", text)
}

func (c *complaints) problem(p report.Problem) {
	_, _ = fmt.Fprintf(c.out, "error: %s: %s\n", p.Source, p.Message)
	if p.Hint != "" {
		_, _ = fmt.Fprintf(c.out, "hint: %s\n", p.Hint)
	}
}

func (c *complaints) warnings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said)
}

// Enabled takes warnings and worse.
func (c *complaints) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle makes a warning of a log's entry.
func (c *complaints) Handle(_ context.Context, entry slog.Record) error {
	text := entry.Message
	entry.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %s=%s", a.Key, a.Value)
		return true
	})
	c.warn(text)
	return nil
}

// WithAttrs changes nothing: the messages say enough.
func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup changes nothing.
func (c *complaints) WithGroup(string) slog.Handler { return c }
