package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pullgate/pullgate/report"
)

// TestComplaints: a log's warnings keep the names of what they speak of, each
// is said once, and none is obeyed by a terminal.
func TestComplaints(t *testing.T) {
	var out bytes.Buffer
	say := &complaints{out: &out}
	for range 2 {
		say.log().With("provider", "ecr").Warn("it failed", "error", "exit\x1b[2J\nstatus 1")
	}
	say.log().With("provider", "gcr").WithGroup("g").Error("it failed")
	say.log().Info("it works")
	say.problem(report.Problem{Source: report.Source{File: "a\x1b.yaml", Line: 3}, Message: "not\u202eYAML", Hint: "render\nit"})
	const want = "warning: it failed provider=ecr error=exit\ufffd[2J status 1\nwarning: it failed provider=gcr\n" +
		"error: a\ufffd.yaml:3: not\ufffdYAML\nhint: render it\n"
	if out.String() != want {
		t.Errorf("said\n%s\nwant\n%s", out.String(), want)
	}
	if got := say.warnings(); !slices.Equal(got, []string{"it failed provider=ecr error=exit\ufffd[2J status 1", "it failed provider=gcr"}) {
		t.Errorf("remembered %q", got)
	}
}
