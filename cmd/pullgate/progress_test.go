package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestProgressFits: a line that reaches the last column wraps, and is written
// again and again.
func TestProgressFits(t *testing.T) {
	p := newProgress(&bytes.Buffer{}, 20_000, func() (string, time.Duration) { return "registry.company.example:5000", 12 * time.Second })
	defer p.end()
	for columns, want := range map[int]int{0: 79, 20: 19, 80: 79, 100: 99, 200: 0} {
		line := p.line(columns)
		if got := utf8.RuneCountInString(line); want > 0 && got != want || want == 0 && !strings.HasSuffix(line, "registry.company.example:5000 (12.0 s)") {
			t.Errorf("%d columns: %d characters: %s", columns, got, line)
		}
	}
}
