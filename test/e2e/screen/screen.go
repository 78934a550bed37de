// Package screen writes for people: coloured and alive on a terminal, plain
// everywhere else.
package screen

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Screen is where one writes.
type Screen struct {
	// Live tells that it is a terminal at which somebody may look, so that a
	// line can be written over and a question asked.
	Live bool

	file   *os.File
	colour bool
}

// New returns the screen behind a file. With CI=true nobody looks; with
// NO_COLOR there are no colours (https://no-color.org).
func New(file *os.File) *Screen {
	live := term.IsTerminal(int(file.Fd())) && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb"
	return &Screen{Live: live, file: file, colour: live && os.Getenv("NO_COLOR") == ""}
}

// Style is a way of writing.
type Style string

// The styles, as ANSI codes.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Faint  Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint returns the text in a style.
func (s *Screen) Paint(style Style, text string) string {
	if !s.colour || style == Plain {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Write makes a Screen an io.Writer.
func (s *Screen) Write(text []byte) (int, error) { return s.file.Write(text) }

// Line writes a line.
func (s *Screen) Line(style Style, format string, args ...any) {
	s.write(s.Paint(style, fmt.Sprintf(format, args...)) + "\n")
}

// write does not fail: there is nobody to tell that nobody can be told.
func (s *Screen) write(text string) { _, _ = s.file.WriteString(text) }

// clear empties the line.
const clear = "\r\x1b[K"

// Over writes over the current line and stays on it; on no terminal it does
// nothing.
func (s *Screen) Over(format string, args ...any) {
	if !s.Live {
		return
	}
	text := fmt.Sprintf(format, args...)
	if width, _, err := term.GetSize(int(s.file.Fd())); err == nil && width > 0 && len(text) >= width {
		text = text[:width-1]
	}
	s.write(clear + s.Paint(Faint, text))
}

// Clear empties the line that Over has written.
func (s *Screen) Clear() {
	if s.Live {
		s.write(clear)
	}
}

// Took writes a duration as people do: 4.2s, 3m48s, 5m.
func Took(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}
