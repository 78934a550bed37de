package report

import (
	"fmt"
	"strings"

	"github.com/pullgate/pullgate/policy"
)

// tools are the counts, which also choose what is shown, a filter and an order.
func (p *page) tools(s Summary) {
	p.add("<div class=\"tools\">\n<div class=\"chips\">\n")
	for _, v := range verdicts() {
		if n := s.of(v); n > 0 {
			p.add("<label class=\"chip\"><input type=\"checkbox\" value=\"%v\" checked> <b class=\"%v\" id=\"n-%v\">%v</b> %v</label>\n", v, v, v, n, v)
		}
	}
	p.add(`</div>
<input type="search" id="filter" placeholder="Filter by image, object, file, reason …" aria-label="Filter">
<label class="order">Order <select id="order">
<option value="rank">the worst first</option>
<option value="image">image</option>
<option value="object">object</option>
<option value="file">file</option>
</select></label>
<span class="faint" id="shown" role="status"></span>
</div>
`)
}

// finding writes a row: the verdict, the image and what is to be said of it,
// and where it is used. The data are what rows are ordered by.
func (p *page) finding(rank int, group []*Result) {
	r := group[0]
	p.add("<li data-verdict=\"%v\" data-uses=\"%v\" data-rank=\"%v\" data-image=\"%v\" data-object=\"%v\" data-file=\"%v\">\n",
		r.Verdict, len(group), fmt.Sprintf("%09d", rank), r.Image, r.subject(), fmt.Sprintf("%s %09d", r.Source.File, r.Source.Line))
	p.add("<div class=\"verdict\"><b class=\"%v\">%v</b> <span class=\"reason\">%v</span>", r.Verdict, r.Verdict, r.Reason)
	if r.Mode != policy.Enforce && r.Mode != "" {
		p.add(" <span class=\"faint\">mode %v</span>", r.Mode)
	}
	p.add("</div>\n<div class=\"image\"><code>%v</code>", titleOf(group))
	p.line("", "", r.Message)
	p.line("hint", "hint: ", r.Hint)
	for _, note := range r.Notes {
		p.line("faint", "note: ", note.Message)
	}
	p.more(r)
	p.add("</div>\n")
	p.where(group)
	p.add("</li>\n")
}

// more is what few want to know of a result.
func (p *page) more(r *Result) {
	var tried []string
	for _, attempt := range r.Credentials {
		tried = append(tried, fmt.Sprintf("%v %v", attempt.Source, attempt.Outcome))
	}
	if r.Node == "" && r.Digest == "" && len(tried) == 0 {
		return
	}
	p.add("<details><summary>more</summary>")
	p.line("", "on a node: ", r.Node)
	p.line("", "credentials: ", strings.Join(tried, ", "))
	p.line("", "digest: ", r.Digest)
	p.add("</details>")
}

// where lists the uses, all but the first folded away.
func (p *page) where(group []*Result) {
	p.add("<div class=\"where\">")
	if imagesOf(group) == 1 {
		p.use(group[0], false)
		if group = group[1:]; len(group) == 0 {
			p.add("</div>\n")
			return
		}
		p.add("<details><summary>and %v more</summary><ul>", len(group))
	} else {
		p.add("<details><summary>%v</summary><ul>", count(len(group), "place"))
	}
	for _, r := range group {
		p.add("<li>")
		p.use(r, imagesOf(group) > 1)
		p.add("</li>\n")
	}
	p.add("</ul></details></div>\n")
}

// use is one place.
func (p *page) use(r *Result, named bool) {
	if named {
		p.add("<code class=\"name\">%v</code>", r.Image)
	}
	if r.subject() != "" {
		p.add("<span class=\"object\">%v</span>", r.subject())
	}
	p.add("<code title=\"%v\">%v</code>", r.Field, r.Source)
}
