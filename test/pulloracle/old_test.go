package pulloracle

import (
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// readOld reads what containerd 1.7 and 2.0 did, which pull by the local path
// alone.
func readOld(t *testing.T) []golden.File {
	t.Helper()
	var files []golden.File
	for _, path := range []string{"testdata/containerd-v1.7.json", "testdata/containerd-v2.0.json"} {
		file, err := golden.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func lastLocal(file golden.File, s scenario.Scenario) golden.Answer {
	answers := file.Records[s.Name].Local
	return answers[len(answers)-1]
}

// testOld holds what Pullgate says of all scenarios to what an old containerd
// did, and makes sure that it did what the local path of the newest does, but for
// what is listed.
func testOld(t *testing.T, old, newest golden.File, said map[string]verdict) {
	t.Helper()
	pulled := 0
	for _, s := range scenario.All() {
		node, v := lastLocal(old, s), said[s.Name]
		if node.OK() {
			pulled++
		}
		same := node.OK() == lastLocal(newest, s).OK()
		why, listed := oldDifferences()[s.Name]
		deniedWrongly(t, old, s, v)
		switch {
		case !node.OK() && trouble().MatchString(node.Text) && v.reason.Verdict() == pull.Broken:
			t.Errorf("%s (%s): a node fails for now (%s), and we say %s: %s", s.Name, s.About, node.Text, v.reason, v.message)
		case same && listed:
			t.Errorf("%s is listed as different (%s), and is the same", s.Name, why)
		case !same && !listed:
			t.Errorf("%s (%s): another outcome than the newest containerd's; we say %s\n\told:    %s\n\tnewest: %s", s.Name, s.About, v.reason, node.Text, lastLocal(newest, s).Text)
		}
	}
	t.Logf("of %d scenarios it pulls %d", len(said), pulled)
}

// deniedWrongly fails where Pullgate denies what an old containerd pulls.
func deniedWrongly(t *testing.T, old golden.File, s scenario.Scenario, v verdict) {
	t.Helper()
	if lastLocal(old, s).OK() && v.reason.Verdict() == pull.Broken {
		t.Errorf("%s (%s): FALSE DENIAL: containerd %s pulls it, and we say %s: %s", s.Name, s.About, old.Containerd, v.reason, v.message)
	}
}

// oldDifferences are scenarios that end otherwise than with the newest
// containerd's local path. None is denied.
func oldDifferences() map[string]string {
	why := map[string]string{}
	for reason, names := range map[string][]string{
		"features of the operating system are overlooked": {"platform-features"},
		"digests are by sha256 alone":                     {"ref-sha512", "ref-sha384"},
		"what was answered 429 is asked for once more":    {"passing-429-five"},
		"what was answered by an internal error is not asked again": {
			"passing-500", "passing-503", "passing-504", "passing-get-500", "passing-layer-500",
		},
		"who says nothing is waited for until the pull is given up": {"net-silent-mirror"},
	} {
		for _, name := range names {
			why[name] = reason
		}
	}
	return why
}
