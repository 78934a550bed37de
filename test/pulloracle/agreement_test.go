package pulloracle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// How what Pullgate says stands to what the node does.
const (
	agrees      = "agrees"
	falseDenial = "false denial" // the node pulls, we say broken: never
	rashDenial  = "rash denial"  // the node fails for now, we say broken
	cautious    = "unknown"      // the node pulls or fails for good, we say unknown
	missed      = "missed"       // the node fails, we say pullable
	misnamed    = "other reason" // the node fails, we name another reason
)

// containerd is what nodes report that may pull by either path.
func containerd() []string { return []string{"containerd://2.4.2"} }

// compare puts the two beside each other. A scenario's first reason says
// whether a failure is for good; TestWanted compares that with what the node
// said.
func compare(s scenario.Scenario, record golden.Record, reason pull.Reason) string {
	switch fits := slices.Contains(s.Want, reason); {
	case record.Pulled() && reason.Verdict() == pull.Broken:
		return falseDenial
	case fits:
		return agrees
	case reason.Verdict() == pull.Unknown:
		if s.Want[0].Verdict() == pull.Unknown {
			return misnamed
		}
		return cautious
	case reason.Verdict() == pull.Pullable:
		return missed
	case s.Want[0].Verdict() == pull.Unknown:
		return rashDenial
	default:
		return misnamed
	}
}

// TestAgreement compares Pullgate, layers included, with both of containerd's
// paths. A scenario that is in neither table of differences has to agree; one
// that is has to differ as the table says.
func TestAgreement(t *testing.T) {
	t.Parallel()
	file := readGolden(t)
	said, again := verdicts(t, file, containerd(), true)
	t.Run("verdicts", func(t *testing.T) { testVerdicts(t, file, said, again) })
	t.Run("texts", func(t *testing.T) { testTexts(t, file, said) })
}

func testVerdicts(t *testing.T, file golden.File, said, again map[string]verdict) {
	t.Helper()
	table := newTable()
	for _, s := range scenario.All() {
		record, v := file.Records[s.Name], said[s.Name]
		how := compare(s, record, v.reason)
		table.add(s, record, how)
		checkListed(t, s, record, v, how)
		if second := again[s.Name]; second.reason != v.reason && !passes(s) {
			t.Errorf("%s: asked again the same client says %s instead of %s: %s", s.Name, second.reason, v.reason, second.message)
		}
	}
	t.Log("\n" + table.String())
}

func checkListed(t *testing.T, s scenario.Scenario, record golden.Record, v verdict, how string) {
	t.Helper()
	permitted, isPermitted := permittedDifferences()[s.Name]
	known, isKnown := knownDifferences()[s.Name]
	listed := permitted
	if isKnown {
		listed = known
	}
	switch {
	case how == falseDenial:
		t.Errorf("%s: FALSE DENIAL: a node pulls it, and we say %s: %s", s.Name, v.reason, v.message)
	case how == agrees && (isPermitted || isKnown):
		t.Errorf("%s agrees now (%s): take it out of the table of differences", s.Name, v.reason)
	case how == agrees:
	case !isPermitted && !isKnown:
		t.Errorf("%s (%s): %s: we say %s, want %v\n\twe:   %s\n\tnode: %s", s.Name, s.About, how, v.reason, s.Want, v.message, lastTexts(record))
	case listed.says != v.reason:
		t.Errorf("%s: we say %s; the table of differences knows of %s", s.Name, v.reason, listed.says)
	}
}

func lastTexts(record golden.Record) string {
	return fmt.Sprintf("%s | %s", record.Transfer[len(record.Transfer)-1].Text, record.Local[len(record.Local)-1].Text)
}

// passes tells whether a scenario's second pull is another than its first.
func passes(s scenario.Scenario) bool {
	return slices.ContainsFunc(s.Faults, func(f scenario.Fault) bool { return f.Times > 0 || f.After > 0 })
}

// testTexts compares what Pullgate quotes of the kubelet with what containerd
// said: people search for these words. With several credentials the kubelet
// joins all errors; the one that decided is quoted.
func testTexts(t *testing.T, file golden.File, said map[string]verdict) {
	t.Helper()
	for _, s := range scenario.All() {
		record, v := file.Records[s.Name], said[s.Name]
		if record.Pulled() || v.reason.Verdict() != pull.Broken || v.reason == pull.InvalidImageName {
			continue
		}
		text := golden.Normalise(v.node)
		same := slices.ContainsFunc(slices.Concat(record.Transfer, record.Local), func(a golden.Answer) bool { return a.Kubelet() == text })
		why, listed := otherWords()[s.Name]
		switch {
		case !same && !listed:
			t.Errorf("%s (%s):\n\twe quote: %s\n\tnode:     %s", s.Name, s.About, text, lastTexts(record))
		case same && listed:
			t.Errorf("%s is listed for other words (%s), and has the node's", s.Name, why)
		}
	}
}

// TestManifestsAlone asks for manifests alone, which is the default. What only
// configs and layers tell is missed then, and nothing may be denied that is
// not denied with them.
func TestManifestsAlone(t *testing.T) {
	t.Parallel()
	file := readGolden(t)
	said, again := verdicts(t, file, containerd(), false)
	t.Run("requests", func(t *testing.T) { testRequests(t, said, again) })
	for _, s := range scenario.All() {
		record, v := file.Records[s.Name], said[s.Name]
		switch how := compare(s, record, v.reason); how {
		case falseDenial, rashDenial, misnamed:
			_, permitted := permittedDifferences()[s.Name]
			_, known := knownDifferences()[s.Name]
			if how == falseDenial || !permitted && !known {
				t.Errorf("%s (%s): %s: we say %s, want %v\n\twe:   %s\n\tnode: %s", s.Name, s.About, how, v.reason, s.Want, v.message, lastTexts(record))
			}
		}
	}
}

// trouble is what containerd says when it failed for reasons of the network, of
// too many requests or of a registry that does not work.
func trouble() *regexp.Regexp {
	return regexp.MustCompile(`: 429 Too Many|: 5\d\d [A-Z]|: 408 |dial tcp|connection refused|no such host|": EOF|timeout|x509|` +
		`tls: |HTTP response to HTTPS|connection reset|malformed HTTP|context canceled`)
}

// TestWanted makes sure that the scenarios want what the node did: nobody can
// make a difference agree by wanting less.
func TestWanted(t *testing.T) {
	file := readGolden(t)
	for _, s := range scenario.All() {
		record := file.Records[s.Name]
		if pulled := s.Want[0] == pull.ReasonPullable; pulled != record.Pulled() {
			t.Errorf("%s (%s): wants %v, and the node said: %s", s.Name, s.About, s.Want, lastTexts(record))
		}
		inTrouble := slices.ContainsFunc(record.Texts(), trouble().MatchString)
		why, between := inBetween()[s.Name]
		switch unknown := s.Want[0].Verdict() == pull.Unknown; {
		case unknown && !inTrouble && !between:
			t.Errorf("%s (%s): wants %v though the node failed for good: %s", s.Name, s.About, s.Want, lastTexts(record))
		case slices.ContainsFunc(s.Want, func(r pull.Reason) bool { return r.Verdict() != s.Want[0].Verdict() }):
			t.Errorf("%s (%s): wants reasons of different verdicts: %v", s.Name, s.About, s.Want)
		case between && (!unknown || inTrouble):
			t.Errorf("%s is listed as in between (%s) without need", s.Name, why)
		}
	}
}

// TestTables makes sure that the tables are about scenarios that there are.
func TestTables(t *testing.T) {
	names := map[string]bool{}
	for _, s := range scenario.All() {
		names[s.Name] = true
	}
	for name := range permittedDifferences() {
		if _, known := knownDifferences()[name]; known || !names[name] {
			t.Errorf("permittedDifferences has %s, which is known as a difference or no scenario", name)
		}
	}
	for name := range knownDifferences() {
		if !names[name] {
			t.Errorf("knownDifferences has %s, which is no scenario", name)
		}
	}
	for name := range inBetween() {
		if !names[name] {
			t.Errorf("inBetween has %s, which is no scenario", name)
		}
	}
}

// table counts by group.
type table struct {
	groups []string
	counts map[string]map[string]int
}

func newTable() *table { return &table{counts: map[string]map[string]int{}} }

func columns() []string {
	return []string{"scenarios", "agree", "node pulls", "node fails", "in between", "permitted", "known", falseDenial}
}

func (b *table) add(s scenario.Scenario, record golden.Record, how string) {
	if b.counts[s.Group] == nil {
		b.groups = append(b.groups, s.Group)
		b.counts[s.Group] = map[string]int{}
	}
	row := b.counts[s.Group]
	row["scenarios"]++
	row["node fails"]++
	if record.Pulled() {
		row["node fails"]--
		row["node pulls"]++
	}
	if _, between := inBetween()[s.Name]; between {
		row["in between"]++
	}
	_, permitted := permittedDifferences()[s.Name]
	switch {
	case how == agrees:
		row["agree"]++
	case how == falseDenial:
		row[falseDenial]++
	case permitted:
		row["permitted"]++
	default:
		row["known"]++
	}
}

// String prints the table.
func (b *table) String() string {
	var text strings.Builder
	total := map[string]int{}
	fmt.Fprintf(&text, "%-26s", "")
	for _, column := range columns() {
		fmt.Fprintf(&text, "%14s", column)
	}
	for _, group := range b.groups {
		fmt.Fprintf(&text, "\n%-26s", group)
		for _, column := range columns() {
			fmt.Fprintf(&text, "%14d", b.counts[group][column])
			total[column] += b.counts[group][column]
		}
	}
	fmt.Fprintf(&text, "\n%-26s", "all")
	for _, column := range columns() {
		fmt.Fprintf(&text, "%14d", total[column])
	}
	return text.String()
}
