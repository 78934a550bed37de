package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/report"
)

// output is one of -o.
type output struct {
	format report.Format
	name   string // of the file; "" for standard output
	file   *target
}

func (o output) String() string { return cmp.Or(o.name, "standard output") }

// outputs are all of -o, and where those without a file go.
type outputs struct {
	all    []output
	stdout io.Writer
}

// openOutputs looks whether all can be written before anything is asked, so
// that a check's work is not lost to a slip in a name. What is in the files
// stays there until there is a report.
func openOutputs(wanted []string, formats []report.Format, stdout io.Writer) (outputs, error) {
	if len(wanted) == 0 {
		wanted = []string{string(report.Text)}
	}
	o := outputs{stdout: stdout}
	for _, one := range wanted {
		format, name, _ := strings.Cut(one, "=")
		if !slices.Contains(formats, report.Format(format)) {
			return o, notOneOf("--output", format, names(formats))
		}
		if name == "-" {
			name = ""
		}
		file, err := targetOf(name, stdout)
		if err != nil {
			return o, fmt.Errorf("--output %s: %w", one, err)
		}
		for _, other := range o.all {
			if other.file.same(file) {
				return o, &hintedError{
					err:  fmt.Errorf("--output %s and %s both go to %s", other.format, format, other),
					hint: fmt.Sprintf("write one to a file of its own: -o %s=FILE", format),
				}
			}
		}
		o.all = append(o.all, output{format: report.Format(format), name: name, file: file})
	}
	return o, nil
}

// write writes the report to each; one that fails does not keep it from others.
func (o outputs) write(r *report.Report) error {
	var errs []error
	for _, one := range o.all {
		errs = append(errs, o.writeOne(one, r))
	}
	return errors.Join(errs...)
}

func (o outputs) writeOne(one output, r *report.Report) error {
	if one.name == "" {
		style := styleOf(o.stdout)
		style.Version = buildVersion()
		return r.Write(o.stdout, one.format, style)
	}
	var text bytes.Buffer
	if err := r.Write(&text, one.format, report.Style{Version: buildVersion()}); err != nil {
		return err
	}
	if err := one.file.write(text.Bytes()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
