package pull

import (
	"fmt"
	"slices"
	"testing"
)

// sample has one finding for each class that the algebra tells apart.
func sample() map[string]Finding {
	return map[string]Finding{
		"pullable":   {Reason: ReasonPullable},
		"unknown":    {Reason: RateLimited},
		"nothing":    {}, // the zero value counts as unknown
		"not found":  {Reason: TagNotFound},
		"refused":    {Reason: CredentialsRequired},
		"rejected":   {Reason: CredentialsRejected, LoginFailed: true},
		"outside":    {Reason: "NoSuchReason"}, // a slip of ours counts as unknown
		"mismatched": {Reason: PlatformMismatch},
	}
}

// TestTruthTable: of two findings, what comes of them by each operation. Those
// of the same class as the first are left out: they are the first.
func TestTruthTable(t *testing.T) {
	for _, row := range []struct{ first, second, any, all, inTurn, or string }{
		{"pullable", "unknown", "pullable", "unknown", "pullable", "pullable"},
		{"pullable", "nothing", "pullable", "nothing", "pullable", "pullable"},
		{"pullable", "outside", "pullable", "outside", "pullable", "pullable"},
		{"pullable", "not found", "pullable", "pullable+", "pullable", "pullable"},
		{"pullable", "refused", "pullable", "pullable+", "pullable", "pullable"},
		{"unknown", "pullable", "unknown", "unknown", "pullable", "unknown"},
		{"unknown", "not found", "unknown", "unknown", "unknown", "unknown"},
		{"unknown", "refused", "unknown", "unknown", "unknown", "unknown"},
		{"nothing", "not found", "nothing", "nothing", "nothing", "nothing"},
		{"outside", "rejected", "outside", "outside", "outside", "outside"},
		{"not found", "pullable", "pullable", "pullable+", "pullable", "pullable+"},
		{"not found", "unknown", "unknown", "unknown", "unknown", "unknown"},
		{"not found", "nothing", "nothing", "nothing", "nothing", "nothing"},
		{"not found", "outside", "outside", "outside", "outside", "outside"},
		{"not found", "mismatched", "not found", "not found", "not found", "not found"},
		{"not found", "refused", "not found", "not found", "not found", "not found"},
		{"refused", "pullable", "pullable", "pullable+", "pullable", "pullable+"},
		{"refused", "unknown", "unknown", "unknown", "unknown", "unknown"},
		{"refused", "not found", "refused", "refused", "not found", "refused"},
		{"refused", "rejected", "refused", "refused", "rejected", "refused"},
		{"rejected", "refused", "rejected", "rejected", "rejected", "rejected"},
		{"rejected", "not found", "rejected", "rejected", "not found", "rejected"},
	} {
		t.Run(row.first+" and "+row.second, func(t *testing.T) {
			all := sample()
			first, second := all[row.first], all[row.second]
			differ := Note{Reason: SomeNodesMismatch}
			overNodes, _ := AllOf(slices.Values([]Part[int]{{Finding: first}, {Finding: second}}), func(broken []Part[int]) []Note {
				return slices.Repeat([]Note{differ}, len(broken))
			})
			for operation, got := range map[string]struct {
				finding Finding
				want    string
			}{
				"any":     {AnyOf(slices.Values([]Finding{first, second})), row.any},
				"all":     {overNodes, row.all},
				"in turn": {InTurn([]Finding{first, second}), row.inTurn},
				"or":      {first.Or(func() Finding { return second }, func(_, _ Finding) Note { return differ }), row.or},
			} {
				if name := nameOf(got.finding); name != got.want {
					t.Errorf("%s: got %s, want %s", operation, name, got.want)
				}
			}
		})
	}
}

// nameOf is the name of a finding's class; with a + where a note was added.
func nameOf(finding Finding) string {
	for name, one := range sample() {
		if one.Reason == finding.Reason {
			if len(finding.Notes) == 1 {
				name += "+"
			}
			return name
		}
	}
	return fmt.Sprintf("%+v", finding)
}

// TestNothingOfNothing: without a finding, nothing is known.
func TestNothingOfNothing(t *testing.T) {
	over, _ := AllOf(slices.Values([]Part[int]{}), nil)
	for operation, finding := range map[string]Finding{
		"any": AnyOf(slices.Values([]Finding{})), "all": over, "in turn": InTurn(nil),
	} {
		if finding.Reason != "" || finding.Reason.Verdict() != Unknown {
			t.Errorf("%s: got %+v", operation, finding)
		}
	}
}

// TestAnyOfAsksNoMoreThanItNeeds: what leads on ends the search.
func TestAnyOfAsksNoMoreThanItNeeds(t *testing.T) {
	asked := 0
	finding := AnyOf(func(yield func(Finding) bool) {
		for _, reason := range []Reason{TagNotFound, ReasonPullable, RateLimited} {
			asked++
			if !yield(Finding{Reason: reason}) {
				return
			}
		}
	})
	if asked != 2 || finding.Reason != ReasonPullable {
		t.Errorf("asked for %d, got %s", asked, finding.Reason)
	}
}

// TestInDoubt: a doubt takes back what is broken, and makes nothing broken.
func TestInDoubt(t *testing.T) {
	for name, finding := range sample() {
		doubted := finding.InDoubt(RegistryError, "why")
		if finding.Reason.Verdict() == Broken {
			if doubted.Reason != RegistryError || doubted.Doubt != "why" {
				t.Errorf("%s: got %+v", name, doubted)
			}
		} else if doubted.Reason != finding.Reason || doubted.Doubt != "" {
			t.Errorf("%s: got %+v", name, doubted)
		}
		if worse := finding.InDoubt(TagNotFound, "why"); worse.Reason != finding.Reason {
			t.Errorf("%s: a doubt made it %s", name, worse.Reason)
		}
		if unless := finding.Unless(Finding{Reason: Timeout}); (unless.Reason == Timeout) != (finding.Reason.Verdict() == Broken) {
			t.Errorf("%s unless: got %s", name, unless.Reason)
		}
	}
}

// TestLoginFailed: it is the login alone only if every credential's login
// failed.
func TestLoginFailed(t *testing.T) {
	login, access := Finding{Reason: CredentialsRejected, LoginFailed: true}, Finding{Reason: CredentialsRejected}
	for _, test := range []struct {
		findings []Finding
		want     bool
	}{
		{[]Finding{login}, true}, {[]Finding{login, login}, true}, {[]Finding{login, access}, false},
		{[]Finding{access, login}, false}, {[]Finding{login, access, login}, false},
	} {
		if got := InTurn(test.findings).LoginFailed; got != test.want {
			t.Errorf("%v: got %t", test.findings, got)
		}
	}
}
