package report

import (
	"cmp"
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

//go:embed page.html.tmpl
var pageTemplate string

// maxBars is how many registries and reasons the charts show.
const maxBars = 12

// page is what the template shows.
type page struct {
	*Report
	Sentence   string
	Version    string
	Rows       []row
	Registries []bar
	Reasons    []bar
}

// row is a line of the table.
type row struct {
	*Result
	Registry string
	Subject  string
	Rank     int
}

// bar is a line of a chart: how many images of each verdict, as widths.
type bar struct {
	Name  string
	Total int
	Parts []part
}

type part struct {
	Verdict    pull.Verdict
	Count      int
	Start, End float64 // of 100
}

func (r *Report) writeHTML(w io.Writer, style Style) error {
	tmpl, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return err
	}
	p := page{Report: r, Sentence: r.sentence(), Version: style.Version}
	for _, result := range r.worstFirst() {
		p.Rows = append(p.Rows, row{Result: result, Registry: registryOf(result), Subject: result.subject(), Rank: rank(result)})
	}
	p.Registries = p.bars(func(r row) string { return r.Registry })
	p.Reasons = p.bars(func(r row) string { return string(r.Reason) })
	return tmpl.Execute(w, p)
}

// registryOf is the registry of an image; of one that no node can parse, none.
func registryOf(r *Result) string {
	named, err := reference.ParseNormalizedNamed(r.Image)
	if err != nil {
		return "no valid name"
	}
	return reference.Domain(named)
}

// bars counts the rows by a name, the most first.
func (p *page) bars(name func(row) string) []bar {
	counts := map[string]map[pull.Verdict]int{}
	for _, row := range p.Rows {
		if counts[name(row)] == nil {
			counts[name(row)] = map[pull.Verdict]int{}
		}
		counts[name(row)][row.Verdict]++
	}
	var bars []bar
	for name, byVerdict := range counts {
		b := bar{Name: name}
		for _, n := range byVerdict {
			b.Total += n
		}
		b.Parts = parts(byVerdict, p.most(counts))
		bars = append(bars, b)
	}
	slices.SortFunc(bars, func(a, b bar) int { return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Name, b.Name)) })
	return bars[:min(len(bars), maxBars)]
}

// most is the longest bar.
func (p *page) most(counts map[string]map[pull.Verdict]int) int {
	most := 1
	for _, byVerdict := range counts {
		total := 0
		for _, n := range byVerdict {
			total += n
		}
		most = max(most, total)
	}
	return most
}

// parts lays the verdicts of a bar side by side.
func parts(byVerdict map[pull.Verdict]int, most int) []part {
	var all []part
	start := 0.0
	for _, verdict := range []pull.Verdict{pull.Broken, pull.Unknown, pull.Pullable, pull.Skipped} {
		n := byVerdict[verdict]
		if n == 0 {
			continue
		}
		width := 100 * float64(n) / float64(most)
		all = append(all, part{Verdict: verdict, Count: n, Start: start, End: start + width})
		start += width
	}
	return all
}

// Width is the length of a part.
func (p part) Width() float64 { return p.End - p.Start }
