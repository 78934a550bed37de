package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// patience is how long a check may last before its progress is shown.
	patience = 700 * time.Millisecond
	// barWidth is the number of characters of the bar.
	barWidth = 24
	// minColumns is the width of a terminal that does not tell its own.
	minColumns = 80
)

// progress shows how far a check is, on a terminal and if it lasts.
type progress struct {
	out     io.Writer
	total   int
	slowest func() (registry string, took time.Duration)
	stop    chan struct{}
	stopped sync.WaitGroup

	mu                       sync.Mutex
	checked, broken, unknown int
}

// newProgress starts to show it; nowhere but on a terminal.
func newProgress(out io.Writer, total int, slowest func() (string, time.Duration)) *progress {
	p := &progress{out: out, total: total, slowest: slowest, stop: make(chan struct{})}
	if _, ok := terminal(out); ok {
		p.stopped.Go(p.show)
	}
	return p
}

// done counts results.
func (p *progress) done(results []report.Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.checked += len(results)
	for _, result := range results {
		switch result.Verdict {
		case pull.Broken:
			p.broken++
		case pull.Unknown:
			p.unknown++
		case pull.Pullable, pull.Skipped:
		}
	}
}

// end takes the line away.
func (p *progress) end() {
	close(p.stop)
	p.stopped.Wait()
}

func (p *progress) show() {
	ticker := time.NewTicker(patience)
	defer ticker.Stop()
	shown := false
	for {
		select {
		case <-p.stop:
			if shown {
				_, _ = fmt.Fprint(p.out, "\r\x1b[K")
			}
			return
		case <-ticker.C:
			ticker.Reset(patience / 7)
			shown = true
			_, _ = fmt.Fprint(p.out, "\r\x1b[K"+p.line(widthOf(p.out)))
		}
	}
}

// line is what is shown on a terminal of so many columns. It leaves the last
// one free: what reaches it may wrap, and is then not taken away. Where the
// width is not known it is that of the narrowest in use.
func (p *progress) line(columns int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	filled := barWidth * p.checked / max(p.total, 1)
	line := fmt.Sprintf("[%s%s] %d of %d images, %d broken, %d unknown",
		strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), p.checked, p.total, p.broken, p.unknown)
	if registry, took := p.slowest(); registry != "" {
		line += fmt.Sprintf("; slowest: %s (%.1f s)", report.Plain(registry), took.Seconds())
	}
	if columns <= 0 {
		columns = minColumns
	}
	return shortened(line, columns-1)
}

// shortened is a text of at most so many characters.
func shortened(text string, most int) string {
	characters := []rune(text)
	if len(characters) <= most {
		return text
	}
	return string(characters[:max(most-1, 0)]) + "…"
}

// waiting says on a line of its own what a check waits for.
func waiting(out io.Writer) func(missing []report.Result, pause, left time.Duration) {
	return func(missing []report.Result, pause, left time.Duration) {
		more := ""
		if len(missing) > 1 {
			more = fmt.Sprintf(" and %d more", len(missing)-1)
		}
		_, _ = fmt.Fprintf(out, "waiting: %s is not there yet%s; the next look is in %s, and %s are left\n",
			missing[0].Image, more, pause, left.Round(time.Second)) // nobody is told that nobody is told
	}
}
