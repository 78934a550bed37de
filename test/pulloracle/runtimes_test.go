package pulloracle

import (
	"slices"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// old is what nodes report that pull by the local path alone.
func old() []string { return []string{"containerd://1.7.27", "containerd://2.0.5-k3s1"} }

// TestLocalPath compares what Pullgate says for nodes whose containerd has the
// local path alone with what that path did: no other one lets anything through.
// It did so in 2.4, in all of its words, and in the versions that have no other.
func TestLocalPath(t *testing.T) {
	t.Parallel()
	file := readGolden(t)
	said, _ := verdicts(t, file, old(), true)
	for _, s := range scenario.All() {
		record, v := file.Records[s.Name], said[s.Name]
		checkLocal(t, s, record, v)
		checkLocalText(t, s, record, v)
	}
	for _, old := range readOld(t) {
		t.Run(old.Containerd, func(t *testing.T) { testOld(t, old, file, said) })
	}
}

// TestLocalPathManifestsAlone makes sure that less is denied, not more, where
// manifests alone are asked for.
func TestLocalPathManifestsAlone(t *testing.T) {
	t.Parallel()
	file := readGolden(t)
	olds := readOld(t)
	said, _ := verdicts(t, file, old(), false)
	for _, s := range scenario.All() {
		v := said[s.Name]
		if lastLocal(file, s).OK() && v.reason.Verdict() == pull.Broken {
			t.Errorf("%s: FALSE DENIAL: a node pulls it, and we say %s: %s", s.Name, v.reason, v.message)
		}
		for _, old := range olds {
			deniedWrongly(t, old, s, v)
		}
	}
}

// TestOtherRuntimes makes sure that nodes with another runtime never get an
// image denied that containerd's nodes beside them pull, or that containerd's
// rules alone would deny: CRI-O's let it through, and nobody knows what those of
// a runtime of no name do.
func TestOtherRuntimes(t *testing.T) {
	for _, runtimes := range [][]string{{"docker://28.0.4"}, {"containerd://2.4.2", "cri-o://1.36.1"}} {
		t.Run(runtimes[0], func(t *testing.T) {
			t.Parallel()
			file := readGolden(t)
			said, _ := verdicts(t, file, runtimes, false)
			for _, s := range scenario.All() {
				record, v := file.Records[s.Name], said[s.Name]
				switch compare(s, record, v.reason) {
				case falseDenial, rashDenial:
					t.Errorf("%s: we say %s: %s\n\tnode: %s", s.Name, v.reason, v.message, lastTexts(record))
				}
				if why, ok := crioPulls()[s.Name]; ok && (record.Pulled() || v.reason != pull.ReasonPullable) {
					t.Errorf("%s: we say %s, and CRI-O pulls it (%s): %s", s.Name, v.reason, why, v.message)
				}
			}
		})
	}
}

// crioPulls are scenarios in which both of containerd's paths fail for good, as
// Pullgate says, too, and CRI-O's rules let the pull through.
func crioPulls() map[string]string {
	pulls := map[string]string{}
	for why, names := range map[string][]string{
		"it never asks HEAD":                {"missing-head-alone", "missing-head-alone-digest", "header-md5", "header-digest-nonsense"},
		"an entry without platform will do": {"platform-bare-arm64-amd64", "platform-bare-arm64"},
		"it looks at no features":           {"platform-features"},
	} {
		for _, name := range names {
			pulls[name] = why
		}
	}
	return pulls
}

func checkLocal(t *testing.T, s scenario.Scenario, record golden.Record, v verdict) {
	t.Helper()
	permitted, listed := permittedDifferences()[s.Name]
	if other, ok := localDifferences()[s.Name]; ok {
		permitted, listed = other, true
	}
	node := record.Local[len(record.Local)-1]
	var agrees bool
	switch transfer := record.Transfer[len(record.Transfer)-1]; {
	case node.OK() || !transfer.OK(): // as on other nodes
		agrees = slices.Contains(s.Want, v.reason)
	default:
		agrees = v.reason.Verdict() == pull.Broken
	}
	switch {
	case node.OK() && v.reason.Verdict() == pull.Broken:
		t.Errorf("%s: FALSE DENIAL: a node pulls it, and we say %s: %s", s.Name, v.reason, v.message)
	case agrees && listed:
		t.Errorf("%s agrees now (%s): take it out of the table of differences", s.Name, v.reason)
	case !agrees && !listed:
		t.Errorf("%s (%s): we say %s\n\twe:   %s\n\tnode: %s", s.Name, s.About, v.reason, v.message, node.Text)
	case listed && permitted.says != v.reason:
		t.Errorf("%s: we say %s; the table of differences knows of %s", s.Name, v.reason, permitted.says)
	}
}

func checkLocalText(t *testing.T, s scenario.Scenario, record golden.Record, v verdict) {
	t.Helper()
	if v.reason.Verdict() != pull.Broken || v.reason == pull.InvalidImageName {
		return
	}
	text := golden.Normalise(v.node)
	same := slices.ContainsFunc(record.Local, func(a golden.Answer) bool { return a.Kubelet() == text })
	if _, listed := otherWords()[s.Name]; !same && !listed {
		t.Errorf("%s (%s):\n\twe quote: %s\n\tnode:     %s", s.Name, s.About, text, record.Local[len(record.Local)-1].Text)
	}
}
