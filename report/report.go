package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// APIVersion and Kind are what a report says of itself.
const (
	APIVersion = "pullgate.dev/v1alpha1"
	Kind       = "Report"
)

// Report is what was found out about some images. As JSON it is the object
// that report.schema.json describes.
type Report struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Summary    Summary  `json:"summary"`
	Results    []Result `json:"results"`
	// Problems are what could not be read.
	Problems []Problem `json:"problems,omitempty"`
	// Interrupted says what ended the run before everything was checked, and
	// how far it was; empty: nothing did. What was not checked is no result.
	Interrupted string `json:"interrupted,omitempty"`
	// Vantage is what the verdicts depend on besides the images.
	Vantage Vantage `json:"vantage"`
	// Namespaces is what mode enforce would do, and Images are
	// REPOSITORY@DIGEST of what is in use, sorted; only an audit knows them.
	Namespaces []Namespace `json:"namespaces,omitempty"`
	Images     []string    `json:"images,omitempty"`
}

// Summary counts.
type Summary struct {
	// Images counts the uses of images, and is the sum of the four.
	Images   int `json:"images"`
	Pullable int `json:"pullable"`
	Broken   int `json:"broken"`
	Unknown  int `json:"unknown"`
	Skipped  int `json:"skipped"`
	// Failed counts those for which the check is to fail.
	Failed int `json:"failed"`
	// Objects counts the objects that were looked through.
	Objects int `json:"objects"`
}

// Result is what was found out about one use of an image.
type Result struct {
	Object    workload.Object `json:"object"`
	Source    Source          `json:"source"`
	Field     string          `json:"field"`
	Container string          `json:"container"`
	// Image is the reference as written, Resolved as nodes read it.
	Image    string       `json:"image"`
	Resolved string       `json:"resolved"`
	Digest   string       `json:"digest"`
	Verdict  pull.Verdict `json:"verdict"`
	Reason   pull.Reason  `json:"reason"`
	// Mode is that of the namespace or rule, and Action what admission would
	// do: allow, audit, warn or deny.
	Mode    policy.Mode   `json:"mode,omitempty"`
	Action  policy.Action `json:"action"`
	Failed  bool          `json:"failed"`
	Message string        `json:"message"`
	// Node is what the kubelet would report, in its own words.
	Node        string         `json:"node,omitempty"`
	Hint        string         `json:"hint"`
	Suggestions []string       `json:"suggestions"`
	Credentials []pull.Attempt `json:"credentials"`
	Notes       []pull.Note    `json:"notes"`
}

// Source is where an image is written; the zero value is nowhere.
type Source struct {
	File string `json:"file"`
	Line int    `json:"line"`
	// Template is the one from which Helm rendered what stands there, as Helm
	// writes it; empty where nothing says so.
	Template string `json:"template,omitempty"`
}

// String writes the source as compilers do.
func (s Source) String() string {
	text := s.File
	if s.Line > 0 {
		text = fmt.Sprintf("%s:%d", s.File, s.Line)
	}
	if s.Template != "" {
		text += " (" + s.Template + ")"
	}
	return text
}

// path is that of a file, for those who look for it in a repository: of what
// came by standard input it is the template's, if Helm names one.
func (s Source) path() (file string, line int) {
	switch {
	case s.File != stdin:
		return s.File, s.Line
	case s.Template != "":
		return s.Template, 0 // the line is one of what was rendered
	default:
		return "", 0
	}
}

// Problem is something that could not be read.
type Problem struct {
	Source  Source `json:"source"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Vantage is what verdicts depend on besides images and registries.
type Vantage struct {
	// Credentials are the places where credentials were looked for.
	Credentials []string `json:"credentials"`
	// Platforms are those of the nodes.
	Platforms []string `json:"platforms"`
	// Configuration is the configuration file; empty: the defaults.
	Configuration string `json:"configuration,omitempty"`
	// Cluster is the cluster that was read; empty: none.
	Cluster string `json:"cluster,omitempty"`
	// Warnings say what could not be taken into account.
	Warnings []string `json:"warnings,omitempty"`
}

// New makes a report of results and counts them.
func New(results []Result, problems []Problem, objects int, vantage Vantage) *Report {
	r := &Report{APIVersion: APIVersion, Kind: Kind, Results: results, Problems: problems, Vantage: vantage}
	r.Summary.Images, r.Summary.Objects = len(results), objects
	for i := range results {
		r.Summary.count(&results[i])
		results[i].noNulls()
	}
	if r.Results == nil {
		r.Results = []Result{}
	}
	r.Vantage.Credentials = orEmpty(vantage.Credentials)
	r.Vantage.Platforms = orEmpty(vantage.Platforms)
	return r
}

func (s *Summary) count(result *Result) {
	switch result.Verdict {
	case pull.Pullable:
		s.Pullable++
	case pull.Broken:
		s.Broken++
	case pull.Skipped:
		s.Skipped++
	default:
		s.Unknown++
	}
	if result.Failed {
		s.Failed++
	}
}

// noNulls makes lists of what would be null in JSON.
func (r *Result) noNulls() {
	r.Suggestions = orEmpty(r.Suggestions)
	r.Credentials = orEmpty(r.Credentials)
	r.Notes = orEmpty(r.Notes)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// stdin is the name of standard input.
const stdin = "-"

// Format is an output format.
type Format string

// The formats.
const (
	Text   Format = "text"
	JSON   Format = "json"
	SARIF  Format = "sarif"
	JUnit  Format = "junit"
	GitHub Format = "github"
	HTML   Format = "html"
	// Images is a list of the images in use, which only an audit knows.
	Images Format = "images"
)

// Formats lists those of every report.
func Formats() []Format { return []Format{Text, JSON, SARIF, JUnit, GitHub, HTML} }

// Style is how a report is shown.
type Style struct {
	// Color makes the text coloured for a terminal.
	Color bool
	// Width is that of the terminal, to which text is wrapped; 0: not at all.
	Width int
	// Version is the program's.
	Version string
}

// Write writes the report in a format.
func (r *Report) Write(w io.Writer, format Format, style Style) error {
	var err error
	switch format {
	case Text:
		err = r.plain().writeText(w, style)
	case JSON:
		err = r.writeJSON(w)
	case SARIF:
		err = r.plain().writeSARIF(w, style)
	case JUnit:
		err = r.plain().writeJUnit(w)
	case GitHub:
		err = r.plain().writeGitHub(w)
	case HTML:
		err = r.plain().writeHTML(w, style)
	case Images:
		err = r.writeImages(w)
	default:
		return fmt.Errorf("no output format %q: there are %v", format, Formats())
	}
	if err != nil {
		return fmt.Errorf("write the report as %s: %w", format, err)
	}
	return nil
}

// worstFirst returns the results in the order of what matters most: for which
// the check fails, then broken, unknown, with notes, the rest.
func (r *Report) worstFirst() []*Result {
	all := make([]*Result, len(r.Results))
	for i := range r.Results {
		all[i] = &r.Results[i]
	}
	slices.SortStableFunc(all, func(a, b *Result) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// rank orders results; the lower, the more it matters.
func rank(r *Result) int {
	switch {
	case r.Verdict == pull.Broken && r.Failed:
		return 0
	case r.Verdict == pull.Broken:
		return 1
	case r.Verdict == pull.Unknown && r.Failed:
		return 2
	case r.Verdict == pull.Unknown:
		return 3
	case len(r.Notes) > 0:
		return 4
	default:
		return 5
	}
}

// level is how bad a result is, as annotations and code scanning grade it:
// error, warning or note; empty for what nobody needs to look at.
func (r *Result) level() string {
	switch {
	case r.Failed, r.Verdict == pull.Broken && r.Action == policy.Deny:
		return "error"
	case r.Verdict == pull.Broken, r.Verdict == pull.Unknown:
		if r.Action == policy.WarnOf || r.Action == policy.Deny {
			return "warning"
		}
		return "note"
	default:
		return ""
	}
}

// sentence is the summary in one line.
func (r *Report) sentence() string {
	s := r.Summary
	text := "no images found in " + count(s.Objects, "object")
	if s.Images > 0 {
		text = count(s.Images, "image") + ": "
		for _, part := range []struct {
			n    int
			what string
		}{{s.Broken, "broken"}, {s.Unknown, "unknown"}, {s.Pullable, "pullable"}, {s.Skipped, "skipped"}} {
			if part.n > 0 {
				text += fmt.Sprintf("%d %s, ", part.n, part.what)
			}
		}
		text = text[:len(text)-2]
	}
	if n := len(r.Problems); n > 0 {
		text += fmt.Sprintf("; %s could not be read", count(n, "input"))
	}
	if r.Interrupted != "" {
		text += "; " + r.Interrupted
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sentence is what the verdicts depend on, in one line.
func (v *Vantage) sentence() string {
	parts := slices.Clone(v.Credentials)
	if v.Cluster != "" {
		parts = append(parts, "cluster "+v.Cluster)
	}
	parts = append(parts, "configuration "+cmp.Or(v.Configuration, "by default"))
	if len(v.Platforms) > 0 {
		parts = append(parts, "nodes of "+strings.Join(v.Platforms, ", "))
	}
	return "seen with " + strings.Join(parts, "; ")
}
