// Package page opens the report's page in a real browser: Chromium, headless.
package page

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// picture is the one in the documentation.
const picture = "../../docs/images/report.png"

var update = flag.Bool("update", false, "take the documentation's picture anew")

// example is a report as a middling repository has it.
func example() *report.Report {
	var results []report.Result
	add := func(kind, name, file string, line int, image string, verdict pull.Verdict, reason pull.Reason, action, message, hint string) {
		results = append(results, report.Result{
			Object: workload.Object{APIVersion: "apps/v1", Kind: kind, Namespace: "shop", Name: name},
			Source: report.Source{File: file, Line: line}, Field: "spec.template.spec.containers[0].image", Container: name,
			Image: image, Verdict: verdict, Reason: reason, Mode: "enforce", Action: action, Failed: action == "deny",
			Message: message, Hint: hint,
		})
	}
	add("Deployment", "web", "deploy/web.yaml", 21, "registry.example/shop/web:1.92", pull.Broken, pull.TagNotFound, "deny",
		"tag not found: registry.example answered 404 Not Found (MANIFEST_UNKNOWN: manifest unknown)", "did you mean registry.example/shop/web:1.29?")
	add("CronJob", "nightly", "deploy/jobs.yaml", 9, "registry.example/shop/web:1.92", pull.Broken, pull.TagNotFound, "deny",
		"tag not found: registry.example answered 404 Not Found (MANIFEST_UNKNOWN: manifest unknown)", "did you mean registry.example/shop/web:1.29?")
	add("Deployment", "billing", "deploy/billing.yaml", 18, "private.example/acme/billing:4", pull.Broken, pull.CredentialsRejected, "deny",
		"private.example refused every matching credential, asked with secret/shop/regcred (rejected)", "renew the password in pull secret shop/regcred")
	add("StatefulSet", "<b>db</b>", "deploy/db.yaml", 33, "ghcr.io/acme/db:2", pull.Unknown, pull.RateLimited, "warn",
		"not checked: ghcr.io limits the rate of requests", "")
	for i := range 40 {
		image := fmt.Sprintf("%s/shop/app-%02d:1.%d", []string{"registry.example", "registry.example", "private.example", "quay.io"}[i%4], i, i)
		add("Deployment", fmt.Sprintf("app-%02d", i), fmt.Sprintf("deploy/apps/%02d.yaml", i), 14+i, image, pull.Pullable, pull.ReasonPullable, "allow", "", "")
	}
	results[len(results)-1].Notes = []pull.Note{{Reason: pull.SomeNodesMismatch, Message: "nodes of linux/arm64 could not pull it: the index has no entry for them"}}
	return report.New(results, nil, 57, report.Vantage{
		Credentials: []string{"2 Secrets and 1 ServiceAccount among the manifests", "no docker configuration"}, Platforms: []string{"linux/amd64", "linux/arm64"},
	})
}

// browser is a page that is open, and what it did.
type browser struct {
	ctx context.Context

	mu       sync.Mutex
	requests []string
	troubles []string
}

// open writes the report as a page and opens it from the disk.
func open(t *testing.T, r *report.Report) *browser {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(out, report.HTML, report.Style{Version: "v1.0.0"}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{ctx: ctx}
	chromedp.ListenTarget(ctx, b.listen)
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable()); err != nil {
		t.Fatalf("this test needs Chromium (on Debian: apt-get install chromium): %v", err)
	}
	b.run(t, chromedp.Navigate("file://"+file), chromedp.WaitVisible("#results"))
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		b.troubles = append(b.troubles, e.Entry.Text)
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, e.ExceptionDetails.Error())
	}
}

func (b *browser) run(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// line is a row of the table as it is seen.
type line struct{ Verdict, Reason, Image, Registry, Object, Where string }

// table reads the rows that are shown, in their order.
func (b *browser) table(t *testing.T) []line {
	t.Helper()
	var rows []line
	b.run(t, chromedp.Evaluate(`Array.from(document.querySelectorAll("#results tbody tr")).filter(r => r.offsetParent !== null).map(r => ({
		Verdict: r.cells[0].innerText, Reason: r.cells[1].innerText.split("\n")[0], Image: r.cells[2].querySelector("code").innerText,
		Registry: r.cells[3].innerText, Object: r.cells[4].innerText.split("\n")[0], Where: r.cells[5].querySelector("code").innerText}))`, &rows))
	return rows
}

func (b *browser) text(t *testing.T, selector string) string {
	t.Helper()
	var text string
	b.run(t, chromedp.Text(selector, &text))
	return text
}

// TestPageShowsWhatTheJSONSays compares every row and count.
func TestPageShowsWhatTheJSONSays(t *testing.T) {
	r := example()
	var raw strings.Builder
	if err := r.Write(&raw, report.JSON, report.Style{}); err != nil {
		t.Fatal(err)
	}
	var said struct {
		Summary map[string]int
		Results []struct {
			Object struct{ Kind, Namespace, Name string }
			Source struct {
				File string
				Line int
			}
			Image, Verdict, Reason string
		}
	}
	if err := json.Unmarshal([]byte(raw.String()), &said); err != nil {
		t.Fatal(err)
	}
	b := open(t, r)
	var want, got []string
	for _, s := range said.Results {
		want = append(want, fmt.Sprintf("%s %s %s %s %s/%s %s:%d", s.Verdict, s.Reason, s.Image, s.Object.Kind, s.Object.Namespace, s.Object.Name, s.Source.File, s.Source.Line))
	}
	rows := b.table(t)
	for _, row := range rows {
		got = append(got, fmt.Sprintf("%s %s %s %s %s", row.Verdict, row.Reason, row.Image, row.Object, row.Where))
	}
	if rows[0].Verdict != "broken" || rows[3].Verdict != "unknown" || rows[4].Image != "quay.io/shop/app-39:1.39" {
		t.Errorf("the worst and what has notes is to come first: %+v", rows[:5])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the page shows\n%s\nand the JSON says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, count := range []string{"images", "broken", "unknown", "pullable", "skipped"} {
		if shown := b.text(t, "#n-"+count); shown != fmt.Sprint(said.Summary[count]) {
			t.Errorf("%s images are %s, want %d", shown, count, said.Summary[count])
		}
	}
	if chart := b.text(t, "#by-registry"); !strings.Contains(chart, "registry.example") || !strings.Contains(chart, "22") {
		t.Errorf("the chart by registry says %q", chart)
	}
	if chart := b.text(t, "#by-reason"); !strings.Contains(chart, "TagNotFound") || !strings.Contains(chart, "RateLimited") {
		t.Errorf("the chart by reason says %q", chart)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) != 1 || len(b.troubles) != 0 {
		t.Errorf("it made the requests %v, want its own alone, and complained of %v", b.requests, b.troubles)
	}
}

func TestPageSorts(t *testing.T) {
	b := open(t, example())
	column := map[string]func(line) string{
		"Reason": func(l line) string { return l.Reason }, "Image": func(l line) string { return l.Image },
		"Registry": func(l line) string { return l.Registry }, "Object": func(l line) string { return l.Object },
		"Where": func(l line) string { return strings.Split(l.Where, ":")[0] },
	}
	for i, title := range []string{"Verdict", "Reason", "Image", "Registry", "Object", "Where"} {
		of, ok := column[title]
		if !ok {
			continue
		}
		for _, direction := range []string{"ascending", "descending"} {
			var sorted string
			b.run(t, chromedp.Click(fmt.Sprintf("#results th:nth-child(%d) button", i+1)),
				chromedp.AttributeValue(fmt.Sprintf("#results th:nth-child(%d)", i+1), "aria-sort", &sorted, nil))
			rows := b.table(t)
			inOrder := slices.IsSortedFunc(rows, func(x, y line) int {
				c := strings.Compare(strings.ToLower(of(x)), strings.ToLower(of(y)))
				if direction == "descending" {
					return -c
				}
				return c
			})
			if sorted != direction || !inOrder || len(rows) != 44 {
				t.Errorf("%s %s: marked %q, in order %t, %d rows", title, direction, sorted, inOrder, len(rows))
			}
		}
	}
}

func TestPageFilters(t *testing.T) {
	b := open(t, example())
	expect := func(what string, want int) {
		t.Helper()
		rows := b.table(t)
		if said := b.text(t, "#shown"); len(rows) != want || said != fmt.Sprintf("%d of 44 shown", want) {
			t.Errorf("%s: %d rows and %q, want %d", what, len(rows), said, want)
		}
	}
	expect("at first", 44)
	b.run(t, chromedp.SendKeys("#filter", "NGHTLY"))
	expect("a slip", 0)
	b.retype(t, "TagNotFound shop/web:1.92")
	expect("a reason and an image", 2)
	b.retype(t, "private.example")
	expect("a registry", 11)
	b.run(t, chromedp.Click(`input[value=pullable]`))
	expect("a registry, without what is fine", 1)
	b.retype(t, " ")
	expect("without what is fine", 4)
	b.run(t, chromedp.Click(`input[value=pullable]`))
	expect("all again", 44)
}

// retype types something in the place of what stands in the filter.
func (b *browser) retype(t *testing.T, text string) {
	t.Helper()
	b.run(t, chromedp.Evaluate(`document.getElementById("filter").select()`, nil), chromedp.SendKeys("#filter", text))
}

// TestPageInLightAndDark takes its picture in both.
func TestPageInLightAndDark(t *testing.T) {
	b := open(t, example())
	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		var ground string
		var image []byte
		b.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &ground), chromedp.CaptureScreenshot(&image))
		grounds[scheme] = ground
		if *update && scheme == "light" {
			if err := os.MkdirAll(filepath.Dir(picture), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(picture, image, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if *update && scheme == "dark" {
			if err := os.WriteFile(strings.Replace(picture, ".png", "-dark.png", 1), image, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("grounds %v, want different ones", grounds)
	}
	if info, err := os.Stat(picture); err != nil || info.Size() == 0 {
		t.Errorf("the documentation's picture: %v (-update takes it)", err)
	}
}
