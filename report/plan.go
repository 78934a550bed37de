package report

// plan shows what mode enforce would do, and the commands that turn it on.
func plan(p *page, namespaces []Namespace) {
	if len(namespaces) == 0 {
		return
	}
	p.add("<section id=\"plan\">\n<h2>What mode enforce would do</h2>\n<table class=\"panel\">\n" +
		"<thead><tr><th>Namespace</th><th>Mode</th><th>Images</th><th>Refused</th><th>Unknown</th></tr></thead>\n<tbody>\n")
	commands := 0
	for i := range namespaces {
		n := &namespaces[i]
		class := markup("")
		if n.Refused > 0 {
			class = ` class="broken"`
		}
		if n.Command != "" {
			commands++
		}
		p.add("<tr><td><code>%v</code></td><td>%v</td><td>%v</td><td%v>%v</td><td>%v</td></tr>\n", n.Name, n.Mode, n.Images, class, n.Refused, n.unknowns())
	}
	p.add("</tbody>\n</table>\n")
	if commands > 0 {
		p.add("<p>enforce would have refused nothing in %v; to turn it on:</p>\n<pre class=\"panel\"><code>", count(commands, "namespace"))
		for i := range namespaces {
			if namespaces[i].Command != "" {
				p.add("%v\n", namespaces[i].Command)
			}
		}
		p.add("</code></pre>\n")
	}
	p.add("</section>\n")
}
