package pullgate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the texts that people read, by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/chart/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			found[name] = readFile(t, name)
		}
	}
	if len(found) < 30 {
		t.Fatalf("%d pages were found", len(found))
	}
	return found
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Each link leads to a file, and to a heading in it; docs/README.md leads to every
// page; and no page has what an unfinished merge leaves behind.
func TestPagesLead(t *testing.T) {
	link, leftover := regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]*))?\)`), regexp.MustCompile(`(?m)^(<{7} |={7}$|>{7} ).*$`)
	all := pages(t)
	listed := map[string]bool{"docs/README.md": true}
	for page, text := range all {
		for _, line := range leftover.FindAllString(text, -1) {
			t.Errorf("%s: %s", page, line)
		}
		for _, to := range link.FindAllStringSubmatch(text, -1) {
			target := page
			if to[1] != "" {
				target = filepath.Join(filepath.Dir(page), to[1])
			}
			if page == "docs/README.md" {
				listed[target] = true
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, to[1])
			} else if to[2] != "" && !slices.Contains(headings(all[target]), to[2]) {
				t.Errorf("%s leads to #%s, which %s has not", page, to[2], target)
			}
		}
	}
	for page := range all {
		if strings.HasPrefix(page, "docs/") && !listed[page] {
			t.Errorf("docs/README.md does not lead to %s", page)
		}
	}
}

// headings are a page's, as links name them.
func headings(text string) []string {
	var found []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

// Every metric is described, what is described is there, and alerts and dashboard
// ask for all of it and for nothing else.
func TestMetricsDescribed(t *testing.T) {
	described := names(regexp.MustCompile("[`, ](pullgate_[a-z_]+)[`{]"), rows(readFile(t, "docs/metrics.md"))+rows(readFile(t, "docs/audit.md")))
	var code strings.Builder
	for _, pattern := range []string{"metrics/*.go", "certs/*.go", "audit/*/*.go", "cmd/pullgate/*.go", "webhook/*.go", "resolver/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				code.WriteString(strings.ReplaceAll(readFile(t, file), `desc("`, `"pullgate_`))
			}
		}
	}
	made := names(regexp.MustCompile(`"(pullgate_[a-z_]+)"`), code.String())
	asked := names(regexp.MustCompile(`\b(pullgate_[a-z_]+?)(?:_bucket)?\b`), readFile(t, "deploy/chart/files/alerts.yaml")+readFile(t, "deploy/chart/files/dashboard.json"))
	if !slices.Equal(made, described) || len(made) < 30 {
		t.Errorf("there are\n%v, and described are\n%v", made, described)
	}
	for _, name := range asked {
		if !slices.Contains(made, name) {
			t.Errorf("an alert or the dashboard asks for %s, which is not there", name)
		}
	}
	for _, name := range made {
		if !slices.Contains(asked, name) {
			t.Errorf("neither an alert nor the dashboard asks for %s", name)
		}
	}
}

// Every alert is in the table of docs/metrics.md, with its severity and its time,
// and what it leads to is there.
func TestAlertsDescribed(t *testing.T) {
	table, all := rows(readFile(t, "docs/metrics.md")), pages(t)
	alerts := strings.Split(readFile(t, "deploy/chart/files/alerts.yaml"), "  - alert: ")[1:]
	if described := strings.Count(table, "| `Pullgate"); described != len(alerts) {
		t.Errorf("there are %d alerts, and described are %d", len(alerts), described)
	}
	first := func(pattern, text, otherwise string) string {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return otherwise
	}
	for _, alert := range alerts {
		name, rest, _ := strings.Cut(alert, "\n")
		row := fmt.Sprintf("| `%s` | %s | %s | ", name, first(`severity: (\w+)`, rest, ""), first(`(?m)^    for: (\w+)$`, rest, "at once"))
		if !strings.Contains(table, row) {
			t.Errorf("docs/metrics.md has no row %s", row)
		}
		page, heading, _ := strings.Cut(first(`runbook: (\S+)`, rest, ""), "#")
		if text, there := all[page]; !there || heading != "" && !slices.Contains(headings(text), heading) {
			t.Errorf("the runbook of %s is to be at %s#%s, where nothing is", name, page, heading)
		}
	}
}

// rows are a page's tables.
func rows(text string) string {
	return strings.Join(regexp.MustCompile(`(?m)^\| .*$`).FindAllString(text, -1), "\n")
}

// names are what a pattern finds, each once, sorted.
func names(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// What other pages say of the comparison with CRI-O is what it came to.
func TestAgreementQuoted(t *testing.T) {
	result := regexp.MustCompile(`pulled (\d+) images .* the same of (\d+),`).FindStringSubmatch(readFile(t, "docs/agreement-cri-o.md"))
	if result == nil {
		t.Fatal("docs/agreement-cri-o.md does not say how many are the same")
	}
	for page, want := range map[string]string{
		"README.md":        "(docs/agreement-cri-o.md) in " + result[1] + ",",
		"docs/runtimes.md": result[2] + " of " + result[1] + " the same",
	} {
		if !strings.Contains(readFile(t, page), want) {
			t.Errorf("%s does not say %q", page, want)
		}
	}
}
