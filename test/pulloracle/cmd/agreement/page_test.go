package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/pulloracle/pods"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

func rowOf(about, verdict string, outcome pods.Outcome) row {
	return row{Case: pods.Case{Scenario: scenario.Scenario{Group: "All", About: about}}, Verdict: verdict, Reason: "R", Outcome: outcome}
}

func TestAgrees(t *testing.T) {
	pulled, started, failed := pods.Outcome{Reason: pods.Pulled}, pods.Outcome{Reason: pods.Started}, pods.Outcome{Reason: "ErrImagePull"}
	noted, silent := rowOf("a", "pullable", failed), rowOf("a", "pullable", failed)
	noted.Note, noted.Message, silent.Note = "some nodes", "pulled by some nodes", "some nodes"
	volume := rowOf("a", "skipped", started)
	volume.Place = pods.Unmounted
	for _, tt := range []struct {
		row  row
		want bool
	}{
		{rowOf("a", "pullable", pulled), true},
		{rowOf("a", "pullable", failed), false},
		{rowOf("a", "broken", pulled), false},
		{rowOf("a", "broken", failed), true},
		{rowOf("a", "unknown", pulled), true},
		{rowOf("a", "unknown", failed), true},
		{rowOf("a", "skipped", pulled), false},
		{volume, true},
		{noted, true},
		{silent, false},
	} {
		if got := tt.row.agrees(); got != tt.want {
			t.Errorf("%s and %s: agrees is %t", tt.row.said(), tt.row.Outcome.Reason, got)
		}
	}
}

func TestPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "agreement.md")
	first := rowOf("a | b", "broken", pods.Outcome{Reason: "ErrImagePull", Words: "`x` | {plain} {digest}"})
	rows := []row{first, rowOf("fine", "pullable", pods.Outcome{Reason: pods.Pulled})}
	if err := check(page, rows); err == nil || !strings.Contains(err.Error(), "make test-node UPDATE=1") {
		t.Errorf("without a page: %v", err)
	}
	if err := write(page, rows, [2]string{"v1", "2"}); err != nil {
		t.Fatal(err)
	}
	if err := check(page, rows); err != nil {
		t.Error(err)
	}
	rows[0].Words = "other words, which | change"
	if err := check(page, rows); err != nil {
		t.Errorf("other words: %v", err)
	}
	if err := check(page, rows[:1]); err == nil {
		t.Error("a Pod less is no difference")
	}
	rows[0].Outcome.Reason = "InvalidImageName"
	if err := check(page, rows); err == nil || !strings.Contains(err.Error(), "InvalidImageName") {
		t.Errorf("another outcome: %v", err)
	}
}
