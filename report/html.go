package report

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/pullgate/pullgate/policy"
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

// page writes HTML. html/template would do, but it calls methods by their
// names, so that the linker keeps every method of everything: twenty megabytes.
type page struct{ text strings.Builder }

// markup is HTML that needs no escaping.
type markup string

// add writes HTML with values in it, which may stand between tags and in quoted
// attributes. Every value is escaped, whatever its type, but markup.
func (p *page) add(format string, values ...any) {
	for i, value := range values {
		if _, safe := value.(markup); !safe {
			values[i] = html.EscapeString(fmt.Sprint(value))
		}
	}
	fmt.Fprintf(&p.text, format, values...)
}

func (r *Report) writeHTML(w io.Writer, style Style) error {
	var p page
	rows := r.worstFirst()
	p.head(r, style)
	p.cards(r.Summary)
	p.problems(r.Problems)
	if len(rows) > 0 {
		p.charts(rows)
		p.table(r.Summary, rows)
	}
	p.vantage(r.Vantage, style)
	p.add("<script>\n%v</script>\n</body>\n</html>\n", markup(pageScript))
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (p *page) head(r *Report, style Style) {
	p.add(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="pullgate %v">
<title>Pullgate: %v</title>
<style>
%v</style>
</head>
<body>
<header>
<h1>Can the nodes pull these images?</h1>
<p class="faint" id="sentence">%v</p>
</header>
`, style.Version, r.sentence(), markup(pageStyle), r.sentence())
}

func (p *page) cards(s Summary) {
	p.add("<div class=\"cards\">\n<div class=\"card\"><b id=\"n-images\">%v</b>images</div>\n", s.Images)
	for _, v := range verdicts() {
		p.add("<div class=\"card %v\"><b id=\"n-%v\">%v</b>%v</div>\n", v, v, s.of(v), v)
	}
	p.add("</div>\n")
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

func (p *page) problems(problems []Problem) {
	if len(problems) == 0 {
		return
	}
	p.add("<section class=\"panel\" id=\"problems\">\n<h2 class=\"broken\">Could not be read, and was not checked</h2>\n<ul>\n")
	for _, problem := range problems {
		p.add("<li><code>%v</code>: %v", problem.Source, problem.Message)
		p.line("", "hint: ", problem.Hint)
		p.add("</li>\n")
	}
	p.add("</ul>\n</section>\n")
}

// line writes a line below another, if there is something to say.
func (p *page) line(class, label, text string) {
	if text != "" {
		p.add("<p class=\"%v\">%v%v</p>", class, label, text)
	}
}

func (p *page) table(s Summary, rows []*Result) {
	p.add(`<section>
<div class="tools">
<input type="search" id="filter" placeholder="Filter by image, object, file, reason …" aria-label="Filter">
`)
	for _, v := range verdicts() {
		if s.of(v) > 0 {
			p.add("<label><input type=\"checkbox\" value=\"%v\" checked> %v</label>\n", v, v)
		}
	}
	p.add(`<span class="faint" id="shown" role="status"></span>
</div>
<div class="scroll">
<table id="results">
<thead><tr>
<th aria-sort="ascending"><button type="button">Verdict</button></th>
`)
	for _, title := range []string{"Reason", "Image", "Registry", "Object", "Where"} {
		p.add("<th><button type=\"button\">%v</button></th>\n", title)
	}
	p.add("</tr></thead>\n<tbody>\n")
	for _, result := range rows {
		p.row(result)
	}
	p.add("</tbody>\n</table>\n</div>\n</section>\n")
}

// row writes a line of the table; the keys are what it is sorted by.
func (p *page) row(r *Result) {
	p.add("<tr data-verdict=\"%v\">\n<td data-key=\"%v\" class=\"verdict %v\">%v</td>\n", r.Verdict, rank(r), r.Verdict, r.Verdict)
	p.add("<td data-key=\"%v\">%v", r.Reason, r.Reason)
	if r.Mode != policy.Enforce {
		p.line("faint", "mode ", string(r.Mode))
	}
	p.add("</td>\n<td data-key=\"%v\" class=\"image\"><code>%v</code>", r.Image, r.Image)
	p.line("", "", r.Message)
	p.line("", "hint: ", r.Hint)
	p.line("faint", "on a node: ", r.Node)
	for _, note := range r.Notes {
		p.line("faint", "note: ", note.Message)
	}
	var tried []string
	for _, attempt := range r.Credentials {
		tried = append(tried, fmt.Sprintf("%v %v", attempt.Source, attempt.Outcome))
	}
	p.line("faint", "credentials: ", strings.Join(tried, ", "))
	p.add("</td>\n<td data-key=\"%v\">%v</td>\n", registryOf(r), registryOf(r))
	p.add("<td data-key=\"%v\">%v", r.subject(), r.subject())
	p.line("faint", "", r.Container)
	p.add("</td>\n<td data-key=\"%v %v\" class=\"where\"><code>%v</code>", r.Source.File, fmt.Sprintf("%09d", r.Source.Line), r.Source)
	p.line("faint", "", r.Field)
	p.add("</td>\n</tr>\n")
}

func (p *page) vantage(v Vantage, style Style) {
	or := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	p.add("<section class=\"panel\">\n<h2>What the verdicts depend on</h2>\n<ul>\n")
	p.add("<li>Credentials: %v</li>\n", or(strings.Join(v.Credentials, "; "), "none"))
	p.add("<li>Platforms: %v</li>\n", or(strings.Join(v.Platforms, ", "), "those of the nodes"))
	p.add("<li>Configuration: %v</li>\n", or(v.Configuration, "the defaults"))
	p.add("<li>Cluster: %v</li>\n", or(v.Cluster, "none was asked"))
	for _, warning := range v.Warnings {
		p.add("<li class=\"unknown\">%v</li>\n", warning)
	}
	p.add("</ul>\n<p class=\"faint\">pullgate %v</p>\n</section>\n", style.Version)
}
