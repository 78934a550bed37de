package pulloracle

import (
	"slices"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// readCRIOOnContainerd is what containerd did with the scenarios that are about
// CRI-O's ways.
func readCRIOOnContainerd(t *testing.T) golden.File {
	t.Helper()
	file, err := golden.Read("testdata/oracle-crio.json")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// compareContainerd puts what Pullgate says beside what containerd did in the end, be
// it by either of its paths.
func compareContainerd(record golden.Record, reason pull.Reason) string {
	passing := slices.ContainsFunc(record.Texts(), crioTrouble().MatchString)
	return compareEnds(record.Pulled(), passing, reason.Verdict())
}

// TestCRIOScenariosOnContainerd compares Pullgate with containerd where CRI-O's ways
// are at stake: these must not rub off.
func TestCRIOScenariosOnContainerd(t *testing.T) {
	t.Parallel()
	file := readCRIOOnContainerd(t)
	t.Run("recorded", func(t *testing.T) {
		registries, err := lab.StartApart(t.Context(), scenario.CRIO(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer registries.Close()
		testRecorded(t, scenario.CRIO(), registries, file, false)
	})
	said, _ := verdictsOf(t, scenario.CRIO(), lab.StartApart, nodesOf(file.Platform, containerd()), true)
	counts := map[string]int{}
	for _, s := range scenario.CRIO() {
		record, v := file.Records[s.Name], said[s.Name]
		how := compareContainerd(record, v.reason)
		counts[how]++
		known, listed := crioOnContainerd()[s.Name]
		switch {
		case how == falseDenial:
			t.Errorf("%s (%s): FALSE DENIAL: we say %s: %s", s.Name, s.About, v.reason, v.message)
		case how == agrees && listed:
			t.Errorf("%s agrees now (%s): take it out of the table of differences", s.Name, v.reason)
		case how != agrees && !listed:
			t.Errorf("%s (%s): %s: we say %s\n\twe:   %s\n\tnode: %s", s.Name, s.About, how, v.reason, v.message, lastTexts(record))
		case listed && known.says != v.reason:
			t.Errorf("%s: we say %s; the table of differences knows of %s", s.Name, v.reason, known.says)
		}
	}
	t.Logf("of %d: %v", len(said), counts)
}

// crioOnContainerd are where Pullgate says another thing than containerd does.
func crioOnContainerd() map[string]difference {
	all := map[string]difference{
		"crio-docker-layer-type": {pull.ReasonPullable, "layers are asked for, not downloaded: what is inside shows on the node"},
		"crio-config-no-digest":  {pull.UnsupportedImage, "what comes for no digest has no bytes here, and the text is that of a connection that broke"},
		"crio-token-account":     {pull.RegistryError, "a token server's 403 that is not in a registry's words"},
	}
	for _, name := range []string{"crio-token-expires-text", "crio-token-issued-text", "crio-token-number"} {
		all[name] = difference{pull.RegistryError, "a token server that makes no sense"}
	}
	return all
}
