package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/pullgate/pullgate/report"
)

// styleOf is how text is shown where it goes: coloured and wrapped on a
// terminal alone, and never coloured against the user's wish (no-color.org).
func styleOf(w io.Writer) report.Style {
	if _, ok := terminal(w); !ok {
		return report.Style{}
	}
	return report.Style{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", Width: widthOf(w)}
}

// widthOf is a terminal's width in columns; 0 where it is not known.
func widthOf(w io.Writer) int {
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	fd, _ := terminal(w)
	width, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return width
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
