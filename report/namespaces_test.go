package report

import (
	"bytes"
	"errors"
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
