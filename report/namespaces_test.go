package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// audited is a report with what only an audit knows.
func audited() *Report {
	r := New(nil, nil, 3, Vantage{})
	r.Namespaces = []Namespace{
		{Name: "bakery", Mode: "warn", Images: 12, Unknown: map[pull.Reason]int{pull.Timeout: 1, pull.RateLimited: 2}, Command: "kubectl label namespace bakery x"},
		{Name: "shop", Mode: "audit", Images: 2, Refused: 1},
	}
	r.Images = []string{"a@sha256:1", "b@sha256:2"}
	return r
}

func TestPlanIsWritten(t *testing.T) {
	const table = `no images found in 3 objects

what mode enforce would do:
NAMESPACE  MODE   IMAGES  REFUSED  UNKNOWN
bakery     warn   12      0        2 RateLimited, 1 Timeout
shop       audit  2       1        0
`
	const command = `
enforce would have refused nothing here; to turn it on:
kubectl label namespace bakery x
`
	r := audited()
	for want, change := range map[string]func(){
		table + command: func() {},
		table:           func() { r.Namespaces[0].Command = "" },
	} {
		r = audited()
		change()
		var text bytes.Buffer
		if err := r.Write(&text, Text, Style{}); err != nil || text.String() != want {
			t.Errorf("%v:\n%s\nwant\n%s", err, text.String(), want)
		}
	}
}

// The page has the same, with what comes from outside as text.
func TestPlanOnThePage(t *testing.T) {
	r := audited()
	r.Namespaces[1].Name = "<b>shop</b>"
	var page bytes.Buffer
	if err := r.Write(&page, HTML, Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<tr><td><code>bakery</code></td><td>warn</td><td>12</td><td>0</td><td>2 RateLimited, 1 Timeout</td></tr>",
		`<tr><td><code>&lt;b&gt;shop&lt;/b&gt;</code></td><td>audit</td><td>2</td><td class="broken">1</td><td>0</td></tr>`,
		"refused nothing in 1 namespace; to turn it on:", "<code>kubectl label namespace bakery x\n</code>",
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	r.Namespaces[0].Command = ""
	page.Reset()
	if err := r.Write(&page, HTML, Style{}); err != nil || strings.Contains(page.String(), "to turn it on") {
		t.Errorf("%v: there is nothing to turn on", err)
	}
	r.Namespaces = nil
	page.Reset()
	if err := r.Write(&page, HTML, Style{}); err != nil || strings.Contains(page.String(), "What mode enforce") {
		t.Errorf("%v: there is no plan", err)
	}
}

func TestImagesAreWritten(t *testing.T) {
	var text bytes.Buffer
	if err := audited().Write(&text, Images, Style{}); err != nil || text.String() != "a@sha256:1\nb@sha256:2\n" {
		t.Errorf("%v: %q", err, text.String())
	}
	for _, format := range []Format{Text, Images} {
		if err := audited().Write(full{}, format, Style{}); !errors.Is(err, errFull) {
			t.Errorf("%s on a full disk: %v", format, err)
		}
	}
}
