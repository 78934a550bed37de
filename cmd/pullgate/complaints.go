package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/pullgate/pullgate/report"
)

// complaints writes warnings and problems to standard error, each once, and
// remembers the warnings for the report.
type complaints struct {
	out io.Writer

	mu   sync.Mutex
	said []string
}

func (c *complaints) warn(text string) {
	text = report.Plain(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.said, text) {
		return
	}
	c.said = append(c.said, text)
	_, _ = fmt.Fprintf(c.out, "warning: %s\n", text)
}

func (c *complaints) problem(p report.Problem) {
	_, _ = fmt.Fprintf(c.out, "error: %s: %s\n", report.Plain(p.Source.String()), report.Plain(p.Message))
	if p.Hint != "" {
		_, _ = fmt.Fprintf(c.out, "hint: %s\n", report.Plain(p.Hint))
	}
}

func (c *complaints) warnings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said)
}

// log takes what libraries and other rooms log.
func (c *complaints) log() *slog.Logger { return slog.New(complaintsLog{to: c}) }

// complaintsLog makes warnings of a log's entries.
type complaintsLog struct {
	to *complaints
	// of is what the logger itself says of each of its entries, such as the
	// name of a credential provider.
	of string
}

// Enabled takes warnings and worse.
func (l complaintsLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle makes a warning of a log's entry.
func (l complaintsLog) Handle(_ context.Context, entry slog.Record) error {
	text := entry.Message + l.of
	entry.Attrs(func(a slog.Attr) bool {
		text += attribute(a)
		return true
	})
	l.to.warn(text)
	return nil
}

// WithAttrs remembers what the logger says of each entry.
func (l complaintsLog) WithAttrs(all []slog.Attr) slog.Handler {
	for _, a := range all {
		l.of += attribute(a)
	}
	return l
}

// WithGroup changes nothing: names say enough without their groups'.
func (l complaintsLog) WithGroup(string) slog.Handler { return l }

func attribute(a slog.Attr) string { return fmt.Sprintf(" %s=%s", a.Key, a.Value) }
