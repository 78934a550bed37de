package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pullgate/pullgate/resolver/pull"
)

// Namespace is what mode enforce would do in a namespace.
type Namespace struct {
	Name string `json:"name"`
	// Mode is the one there now.
	Mode string `json:"mode"`
	// Images counts the uses of images. Of them Refused would have been, Skipped
	// are those that nobody looks at, and Unknown those of which nothing is
	// known, by reason.
	Images  int                 `json:"images"`
	Refused int                 `json:"refused"`
	Skipped int                 `json:"skipped"`
	Unknown map[pull.Reason]int `json:"unknown"`
	// Command sets the namespace to enforce, where nothing speaks against it
	// today; else empty.
	Command string `json:"command,omitempty"`
}

// unknowns says how many are unknown, and why.
func (n *Namespace) unknowns() string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(n.Unknown)) {
		parts = append(parts, fmt.Sprintf("%d %s", n.Unknown[reason], reason))
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ", ")
}

// writePlan writes the table of the namespaces, and the commands that set to
// enforce those in which it would have refused nothing.
func writePlan(w io.Writer, namespaces []Namespace) error {
	if len(namespaces) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "\nwhat mode enforce would do:"); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAMESPACE\tMODE\tIMAGES\tREFUSED\tUNKNOWN") // Flush tells
	for i := range namespaces {
		n := &namespaces[i]
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\n", n.Name, n.Mode, n.Images, n.Refused, n.unknowns())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return writeCommands(w, namespaces)
}

func writeCommands(w io.Writer, namespaces []Namespace) error {
	var text strings.Builder
	for i := range namespaces {
		if namespaces[i].Command != "" {
			text.WriteString(namespaces[i].Command + "\n")
		}
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nenforce would have refused nothing here; to turn it on:\n%s", text.String())
	return err
}

// writeImages writes the images in use, one a line.
func (r *Report) writeImages(w io.Writer) error {
	for _, image := range r.Images {
		if _, err := fmt.Fprintln(w, image); err != nil {
			return err
		}
	}
	return nil
}
