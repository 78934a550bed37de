package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// The page's looks and its behaviour, which hold nothing of a report. They are
// variables because only such can be embedded.
var (
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string
)

// writeHTML answers first, then lists what was found, the worst first, and what
// could not be read, counts, and says what all of it depends on.
func (r *Report) writeHTML(w io.Writer, style Style) error {
	var p page
	rows := r.worstFirst()
	p.head(r, style)
	if len(rows) > 0 {
		p.tools(r.Summary)
		// No table: browsers lay out rows of a list only when they come into sight.
		p.add("<ol id=\"results\">\n")
		for i, group := range fold(rows) {
			p.finding(i, group)
		}
		p.add("</ol>\n")
	}
	plan(&p, r.Namespaces)
	p.problems(r.Problems)
	if len(rows) > 0 {
		p.charts(rows)
	}
	p.vantage(r.Vantage, style)
	p.add("<script>\n%v</script>\n</body>\n</html>\n", markup(pageScript))
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (p *page) head(r *Report, style Style) {
	answer, verdict := r.answer()
	p.add(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="pullgate %v">
<title>%v</title>
<style>
%v</style>
</head>
<body>
<header class="%v">
<h1>%v</h1>
<p class="faint" id="sentence">%v</p>
</header>
`, style.Version, answer, markup(pageStyle), verdict, answer, r.sentence())
}

// answer is what everybody wants to know, and the verdict that it amounts to.
func (r *Report) answer() (text string, amounts pull.Verdict) {
	s := r.Summary
	switch {
	case s.Broken > 0:
		return fmt.Sprintf("%d of %s cannot be pulled", s.Broken, count(s.Images, "image")), pull.Broken
	case s.Unknown > 0:
		return fmt.Sprintf("Nothing is known of %d of %s", s.Unknown, count(s.Images, "image")), pull.Unknown
	case len(r.Problems) > 0 || r.Interrupted != "":
		return "Not everything was checked", pull.Unknown
	case s.Images == 0:
		return "No images found", pull.Skipped
	case s.Pullable < s.Images:
		return fmt.Sprintf("%d of %s can be pulled, the rest was not checked", s.Pullable, count(s.Images, "image")), pull.Pullable
	case s.Images == 1:
		return "The image can be pulled", pull.Pullable
	default:
		return fmt.Sprintf("All %d images can be pulled", s.Images), pull.Pullable
	}
}

// verdicts are in the order in which they are shown.
func verdicts() []pull.Verdict {
	return []pull.Verdict{pull.Broken, pull.Unknown, pull.Pullable, pull.Skipped}
}

func (s Summary) of(v pull.Verdict) int {
	switch v {
	case pull.Pullable:
		return s.Pullable
	case pull.Broken:
		return s.Broken
	case pull.Skipped:
		return s.Skipped
	default:
		return s.Unknown
	}
}

// problems lists what could not be read, once for all that the same advice is
// for.
func (p *page) problems(problems []Problem) {
	if len(problems) == 0 {
		return
	}
	var order []string
	byAdvice := map[string][]Problem{}
	for _, problem := range problems {
		advice := cmp.Or(problem.Hint, problem.Message)
		if byAdvice[advice] == nil {
			order = append(order, advice)
		}
		byAdvice[advice] = append(byAdvice[advice], problem)
	}
	p.add("<section id=\"problems\">\n<h2>%v could not be read, and was not checked</h2>\n", count(len(problems), "input"))
	for _, advice := range order {
		p.problem(byAdvice[advice])
	}
	p.add("</section>\n")
}

func (p *page) problem(same []Problem) {
	p.add("<details class=\"panel\"><summary><code>%v</code>: %v", same[0].Source, same[0].Message)
	if len(same) > 1 {
		p.add(" <span class=\"faint\">and %v more</span>", len(same)-1)
	}
	p.line("", "hint: ", same[0].Hint)
	p.add("</summary>\n<ul>\n")
	for _, problem := range same {
		p.add("<li><code>%v</code>: %v</li>\n", problem.Source, problem.Message)
	}
	p.add("</ul></details>\n")
}

func (p *page) vantage(v Vantage, style Style) {
	p.add("<section>\n<h2>What the verdicts depend on</h2>\n<ul class=\"panel\">\n")
	p.add("<li>Credentials: %v</li>\n", cmp.Or(strings.Join(v.Credentials, "; "), "none"))
	p.add("<li>Platforms: %v</li>\n", cmp.Or(strings.Join(v.Platforms, ", "), "those of the nodes"))
	p.add("<li>Configuration: %v</li>\n", cmp.Or(v.Configuration, "the defaults"))
	p.add("<li>Cluster: %v</li>\n", cmp.Or(v.Cluster, "none was asked"))
	for _, warning := range v.Warnings {
		p.add("<li class=\"unknown\">%v</li>\n", warning)
	}
	p.add("</ul>\n<p class=\"faint\">pullgate %v</p>\n</section>\n", style.Version)
}
