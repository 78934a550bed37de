package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// maxBars is how many registries and reasons the charts show.
const maxBars = 12

// bar is a line of a chart: how many images there are of each verdict.
type bar struct {
	name   string
	counts map[pull.Verdict]int
	total  int
}

// barsOf counts results by a name, the most first.
func barsOf(results []*Result, name func(*Result) string) []*bar {
	var bars []*bar
	byName := map[string]*bar{}
	for _, result := range results {
		b := byName[name(result)]
		if b == nil {
			b = &bar{name: name(result), counts: map[pull.Verdict]int{}}
			byName[b.name] = b
			bars = append(bars, b)
		}
		b.counts[result.Verdict]++
		b.total++
	}
	slices.SortFunc(bars, func(a, b *bar) int { return cmp.Or(cmp.Compare(b.total, a.total), strings.Compare(a.name, b.name)) })
	return bars
}

// registryOf is the registry of an image; of one that no node can parse, none.
func registryOf(r *Result) string {
	named, err := workload.ParseReference(r.Image)
	if err != nil {
		return "no valid name"
	}
	return reference.Domain(named)
}

func (p *page) charts(results []*Result) {
	p.add("<section class=\"charts\">\n")
	p.chart("by-registry", "By registry", barsOf(results, registryOf))
	p.chart("by-reason", "By reason", barsOf(results, func(r *Result) string { return string(r.Reason) }))
	p.add("</section>\n")
}

func (p *page) chart(id, title string, bars []*bar) {
	p.add("<div class=\"panel\" id=\"%v\"><h2>%v</h2>\n", id, title)
	for _, b := range bars[:min(len(bars), maxBars)] {
		p.bar(b, bars[0].total)
	}
	if more := len(bars) - maxBars; more > 0 {
		p.add("<p class=\"faint\">and %v more</p>\n", more)
	}
	p.add("</div>\n")
}

// bar lays the verdicts side by side; most is the longest bar's total.
func (p *page) bar(b *bar, most int) {
	p.add("<div class=\"bar\"><span title=\"%v\">%v</span>\n<svg role=\"img\" aria-label=\"%v: %v\">", b.name, b.name, b.name, b.total)
	start := 0.0
	for _, v := range verdicts() {
		n := b.counts[v]
		if n == 0 {
			continue
		}
		width := 100 * float64(n) / float64(most)
		p.add("<g class=\"%v\"><title>%v %v</title><rect x=\"%v%%\" y=\"0\" width=\"%v%%\" height=\"100%%\"></rect></g>",
			v, n, v, fmt.Sprintf("%.2f", start), fmt.Sprintf("%.2f", width))
		start += width
	}
	p.add("</svg><span>%v</span></div>\n", b.total)
}
