package pull

import (
	"slices"
	"testing"
)

// TestCatalogueIsWhole: every reason has all that its verdict needs, once.
func TestCatalogueIsWhole(t *testing.T) {
	standard := Standard()
	seen := map[Reason]bool{}
	for _, entry := range standard.Reasons {
		if seen[entry.Reason] {
			t.Errorf("%s stands there twice", entry.Reason)
		}
		seen[entry.Reason] = true
		if entry.Reason.Verdict() != entry.Verdict || !entry.Reason.Known() {
			t.Errorf("%s: its verdict is %s", entry.Reason, entry.Reason.Verdict())
		}
		if entry.Meaning == "" {
			t.Errorf("%s has no meaning", entry.Reason)
		}
		if (entry.Verdict == Broken || entry.Verdict == Unknown) && entry.Help == "" {
			t.Errorf("%s has no help", entry.Reason)
		}
	}
	for _, note := range standard.Notes {
		if note.Meaning == "" || note.Help == "" {
			t.Errorf("%s is not explained", note.Reason)
		}
	}
	if Reason("").Verdict() != Unknown || Reason("NoSuchReason").Verdict() != Unknown || Reason("NoSuchReason").Known() {
		t.Error("what is in no catalogue is not unknown")
	}
}

// TestVerdictsInOrder: what matters more compares as more.
func TestVerdictsInOrder(t *testing.T) {
	verdicts := []Verdict{Broken, Skipped, Unknown, Pullable}
	slices.SortFunc(verdicts, Verdict.Compare)
	if !slices.Equal(verdicts, []Verdict{Skipped, Pullable, Unknown, Broken}) {
		t.Errorf("got %v", verdicts)
	}
}
