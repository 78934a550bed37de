package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// suites is JUnit's format as CI servers read it: a suite for each file, a
// test for each use of an image. A test fails where the check does, and else is
// skipped unless the image is pullable, so that an outage turns nothing red.
type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []*suite `xml:"testsuite"`
}

type suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Cases    []test `xml:"testcase"`
}

type test struct {
	Name      string  `xml:"name,attr"`
	Class     string  `xml:"classname,attr"`
	File      string  `xml:"file,attr,omitempty"`
	Line      int     `xml:"line,attr,omitempty"`
	Failure   *detail `xml:"failure"`
	Error     *detail `xml:"error"`
	Skipped   *detail `xml:"skipped"`
	SystemOut string  `xml:"system-out,omitempty"`
}

type detail struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func (r *Report) writeJUnit(w io.Writer) error {
	all := suites{Name: "pullgate"}
	byName := map[string]*suite{}
	in := func(file string) *suite {
		if byName[file] == nil {
			byName[file] = &suite{Name: file}
			all.Suites = append(all.Suites, byName[file])
		}
		return byName[file]
	}
	for i := range r.Results {
		in(r.Results[i].suiteName()).add(r.Results[i].test())
	}
	for _, problem := range r.Problems {
		in(problem.Source.File).add(problem.test())
	}
	if r.Interrupted != "" {
		in("pullgate").add(test{Name: "check", Class: "pullgate", Error: &detail{Type: "Interrupted", Message: r.Interrupted}})
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *suite) add(t test) {
	s.Tests++
	switch {
	case t.Failure != nil:
		s.Failures++
	case t.Error != nil:
		s.Errors++
	case t.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, t)
}

// imagesName is what the images of the command line are called together.
const imagesName = "images"

func (r *Result) suiteName() string {
	return cmp.Or(r.Source.File, imagesName)
}

func (r *Result) test() test {
	t := test{Name: r.Image, Class: cmp.Or(r.subject(), "image"), File: r.Source.File, Line: r.Source.Line}
	if r.Field != "" {
		t.Name += " at " + r.Field
	}
	outcome := &detail{Type: string(r.Reason), Message: r.Message, Text: r.explanation()}
	switch {
	case r.Failed:
		t.Failure = outcome
	case r.Verdict != pull.Pullable:
		outcome.Type = "" // the format gives a skipped test none
		outcome.Message = fmt.Sprintf("%s (%s): %s", r.Verdict, r.Reason, r.Message)
		t.Skipped = outcome
	default:
		t.SystemOut = r.explanation()
	}
	return t
}

// explanation is all that is known besides the message, a line each.
func (r *Result) explanation() string {
	var lines []string
	if r.Source.File != "" {
		lines = append(lines, r.Source.String())
	}
	if r.Hint != "" {
		lines = append(lines, "hint: "+r.Hint)
	}
	if r.Node != "" {
		lines = append(lines, "on a node: "+r.Node)
	}
	for _, attempt := range r.Credentials {
		lines = append(lines, fmt.Sprintf("credential: %s %s", attempt.Source, attempt.Outcome))
	}
	for _, note := range r.Notes {
		lines = append(lines, "note: "+note.Message)
	}
	return strings.Join(lines, "\n")
}

func (p *Problem) test() test {
	return test{
		Name: "read", Class: p.Source.File, File: p.Source.File, Line: p.Source.Line,
		Error: &detail{Type: "Unreadable", Message: p.Message, Text: p.Hint},
	}
}
