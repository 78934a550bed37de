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

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/report"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// picture is the one in the documentation.
const picture = "../../docs/images/report.png"

var pictureOf = flag.String("picture-of", "", "take the documentation's picture anew, of a page that pullgate check -o html=`FILE` wrote")

// example is a report as a middling repository has it.
func example() *report.Report {
	var results []report.Result
	add := func(kind, name, file string, line int, image string, verdict pull.Verdict, reason pull.Reason, action policy.Action, message, hint string) {
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
	written := report.New(results, nil, 57, report.Vantage{
		Credentials: []string{"2 Secrets and 1 ServiceAccount among the manifests", "no docker configuration"}, Platforms: []string{"linux/amd64", "linux/arm64"},
	})
	written.Namespaces = []report.Namespace{
		{Name: "bakery", Mode: "warn", Images: 12, Unknown: map[pull.Reason]int{pull.RateLimited: 2, pull.NodeCredentialsUnknown: 1}, Command: "kubectl label namespace bakery pullgate.dev/mode=enforce --overwrite"},
		{Name: "shop", Mode: "audit", Images: 32, Refused: 3},
	}
	return written
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
	b.run(t, chromedp.Navigate("file://"+file), chromedp.WaitReady("#results", chromedp.ByQuery))
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

// line is a use of an image as it is seen.
type line struct{ Verdict, Reason, Image, Object, Where string }

// lines reads the uses in the rows that are shown, in their order, those that
// are folded away, too.
func (b *browser) lines(t *testing.T) []line {
	t.Helper()
	var rows []line
	b.run(t, chromedp.Evaluate(`Array.from(document.querySelectorAll("#results > li")).filter(r => r.offsetParent !== null).flatMap(r => {
		const uses = Array.from(r.querySelectorAll(".where .object")).map(o => [o.textContent, o.nextElementSibling.textContent]);
		return uses.map(([object, where]) => ({Verdict: r.querySelector(".verdict b").textContent, Reason: r.querySelector(".reason").textContent,
			Image: r.querySelector(".image code").textContent, Object: object, Where: where}));
	})`, &rows))
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
	rows := b.lines(t)
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
	for _, count := range []string{"broken", "unknown", "pullable"} {
		if shown := b.text(t, "#n-"+count); shown != fmt.Sprint(said.Summary[count]) {
			t.Errorf("%s images are %s, want %d", shown, count, said.Summary[count])
		}
	}
	if answer := b.text(t, "h1"); answer != "3 of 44 images cannot be pulled" {
		t.Errorf("the answer is %q", answer)
	}
	if plan := b.text(t, "#plan"); !strings.Contains(plan, "1 NodeCredentialsUnknown, 2 RateLimited") || !strings.Contains(plan, "kubectl label namespace bakery pullgate.dev/mode=enforce") {
		t.Errorf("the plan says %q", plan)
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
	for key, of := range map[string]func(line) string{
		"image": func(l line) string { return l.Image }, "object": func(l line) string { return l.Object },
		"file": func(l line) string { return strings.Split(l.Where, ":")[0] },
	} {
		b.run(t, chromedp.Evaluate(fmt.Sprintf(`{const o = document.getElementById("order"); o.value = %q; o.dispatchEvent(new Event("change"))}`, key), nil))
		rows := b.lines(t)
		// The second use of an image is where the first one is.
		rows = slices.DeleteFunc(rows, func(l line) bool { return strings.HasPrefix(l.Object, "CronJob") })
		if !slices.IsSortedFunc(rows, func(x, y line) int { return strings.Compare(letters(of(x)), letters(of(y))) }) || len(rows) != 43 {
			t.Errorf("by %s: %d rows, not in order: %v", key, len(rows), rows)
		}
	}
}

// letters leaves out what collation does not heed at first.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>/.-: ", r) {
			return -1
		}
		return r
	}, strings.ToLower(text))
}

func TestPageFilters(t *testing.T) {
	b := open(t, example())
	expect := func(what string, want int) {
		t.Helper()
		said := fmt.Sprintf("%d of 44 shown", want)
		b.run(t, chromedp.Poll(fmt.Sprintf("document.querySelector('#shown').textContent.trim() === %q", said), nil))
		if rows := b.lines(t); len(rows) != want {
			t.Errorf("%s: %d rows, want %d", what, len(rows), want)
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

// contrasts lists texts whose contrast with what is behind them is below what
// WCAG 2.2 asks for at level AA.
const contrasts = `(() => {
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
	const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
	return Array.from(document.querySelectorAll("body *")).filter(e => Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()) && e.tagName !== "SCRIPT").flatMap(e => {
		const a = light(parse(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		return ratio < 4.5 ? [e.tagName + "." + e.className + " " + ratio.toFixed(2)] : [];
	});
})()`

// TestPageInLightAndDark looks at what can be read in both, and takes the
// documentation's picture where it is asked to.
func TestPageInLightAndDark(t *testing.T) {
	r := example()
	r.Problems = append(r.Problems, report.Problem{Source: report.Source{File: "a.yaml", Line: 3}, Message: "not YAML", Hint: "render it"})
	r.Vantage.Warnings = []string{"a warning"}
	b := open(t, r)
	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		var ground string
		var faint []string
		b.run(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &ground), chromedp.Evaluate(contrasts, &faint))
		grounds[scheme] = ground
		if len(faint) > 0 {
			t.Errorf("%s: hard to read: %v", scheme, faint)
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("grounds %v, want different ones", grounds)
	}
	if *pictureOf != "" {
		takePicture(t, b)
	}
	if info, err := os.Stat(picture); err != nil || info.Size() == 0 {
		t.Errorf("the documentation's picture: %v (-picture-of takes it)", err)
	}
}

func takePicture(t *testing.T, b *browser) {
	t.Helper()
	var image []byte
	b.run(t, chromedp.Navigate("file://"+*pictureOf), chromedp.EmulateViewport(1200, 1075), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}),
		chromedp.CaptureScreenshot(&image))
	if err := os.WriteFile(picture, image, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPageOnAPhone: nothing is wider than a small screen.
func TestPageOnAPhone(t *testing.T) {
	b := open(t, example())
	var width, image int
	b.run(t, chromedp.EmulateViewport(400, 800), chromedp.Evaluate(`document.documentElement.scrollWidth`, &width),
		chromedp.Evaluate(`document.querySelector("#results .image").clientWidth`, &image))
	if width > 400 || image < 330 {
		t.Errorf("the page is %d wide and the image's column %d, want at most 400 and at least 330", width, image)
	}
}

// TestPageRowsAreLow: of a usual finding the image, what is the matter and what
// to do are a line each.
func TestPageRowsAreLow(t *testing.T) {
	b := open(t, example())
	var lines float64
	b.run(t, chromedp.Evaluate(`(() => { const i = document.querySelector("#results .image");
		return i.getBoundingClientRect().height / parseFloat(getComputedStyle(i).lineHeight); })()`, &lines))
	if lines > 3.5 {
		t.Errorf("the first row has %.1f lines", lines)
	}
}

// TestPageOfTenThousand: browsers lay out what is in sight, which the styles let
// them, so that a large page opens and filters as a small one does.
func TestPageOfTenThousand(t *testing.T) {
	var results []report.Result
	for i := range 10_000 {
		results = append(results, report.Result{Image: fmt.Sprintf("registry.example/app-%d:1", i), Verdict: pull.Broken, Reason: pull.TagNotFound, Action: policy.Deny, Mode: policy.Enforce, Message: "tag not found"})
	}
	b := open(t, report.New(results, nil, 1, report.Vantage{}))
	var visibility string
	b.run(t, chromedp.Evaluate(`getComputedStyle(document.querySelector("#results > li")).contentVisibility`, &visibility))
	if visibility != "auto" {
		t.Errorf("rows out of sight are laid out: %q", visibility)
	}
	b.retype(t, "app-9999:1")
	var shown string
	b.run(t, chromedp.Poll(`document.getElementById("shown").textContent.startsWith("1 of") && document.getElementById("shown").textContent`, &shown))
	if shown != "1 of 10000 shown" {
		t.Errorf("it shows %q", shown)
	}
}
