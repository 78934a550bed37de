package e2e

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// testModes looks at what a namespace's label makes of the same manifests, and
// at what the audit log says.
func testModes(t *testing.T, r *rig.Rig) {
	for _, tc := range []struct {
		label, mode string
		// bad is what is done about a missing tag, down about a registry that
		// is: deny, warn or audit; empty: nobody looked.
		bad, down string
	}{
		{"", "enforce", "deny", "warn"},
		{"enforce", "enforce", "deny", "warn"},
		{"nonsense", "enforce", "deny", "warn"},
		{"warn", "warn", "warn", "warn"},
		{"audit", "audit", "audit", "audit"},
		{"off", "", "", ""},
	} {
		t.Run("label "+tc.label, func(t *testing.T) {
			var labels []string
			if tc.label != "" {
				labels = []string{"pullgate.dev/mode=" + tc.label}
			}
			s := newStage(t, r, "mode-"+tc.label+"x", labels...)
			if said := s.kubectl("create", "deployment", "trial", "--dry-run=server", "--image="+r.Lab.Open.Ref("shop/web:1.27")).Stderr; strings.Contains(said, "is no mode") != (tc.label == "nonsense") {
				t.Errorf("of the label it says %q", said)
			}
			s.decides("bad", r.Lab.Open.Ref("shop/web:1.99"), recorded{"mode": tc.mode, "decision": tc.bad, "verdict": "broken"}, "TagNotFound")
			s.decides("down", r.Lab.Down+"/shop/cart:7", recorded{"mode": tc.mode, "decision": tc.down, "verdict": "unknown"}, "RegistryUnreachable")
			good := recorded{"mode": tc.mode, "verdict": "pullable"}
			if tc.mode != "" {
				good["decision"] = "allow"
			}
			s.decides("good", r.Lab.Open.Ref("shop/web:1.27"), good, "")
		})
	}
}

// decides creates a Deployment and looks at what kubectl printed, at the calls,
// and at what was recorded.
func (s stage) decides(name, image string, want recorded, reason string) {
	s.Helper()
	before := s.calls()
	result := s.kubectl("create", "deployment", name, "--image="+image)
	called := s.calls() - before
	denied, warned := result.Code != 0, strings.Contains(result.Stderr, `Warning: pullgate: "`)
	if denied != (want["decision"] == "deny") || warned != (want["decision"] == "warn") {
		s.Errorf("%s: exit code %d: %s\nwant %s", name, result.Code, result.Output, want["decision"])
	}
	got := s.recorded(name)
	if want["decision"] == "" {
		if called != 0 || len(got) != 0 {
			s.Errorf("%s: %d calls, recorded %v, want nobody to look", name, called, got)
		}
		return
	}
	if called != 1 {
		s.Errorf("%s: %d calls, want 1", name, called)
	}
	for key, value := range want {
		if got[key] != value {
			s.Errorf("%s: recorded %s %q, want %q", name, key, got[key], value)
		}
	}
	if got.reason() != reason {
		s.Errorf("%s: recorded reason %q, want %q", name, got.reason(), reason)
	}
}

// testDryRunMode gives dry runs another mode than what is meant, and looks at
// what becomes of both. The namespace's label counts for the latter alone.
func testDryRunMode(t *testing.T, r *rig.Rig) {
	image := "--image=" + r.Lab.Open.Ref("shop/web:1.99")
	defer newStage(t, r, "dry-run").configure(rolloutsConfig)
	for _, tc := range []struct{ dryRun, meant string }{
		{"warn", "enforce"}, {"enforce", "warn"}, {"off", "enforce"},
	} {
		s := newStage(t, r, "dry-"+tc.dryRun+"-"+tc.meant, "pullgate.dev/mode="+tc.meant)
		s.configure(rolloutsConfig + "dryRunMode: " + tc.dryRun + "\n")
		for mode, flags := range map[string][]string{tc.dryRun: {"--dry-run=server"}, tc.meant: nil} {
			result := s.kubectl(append([]string{"create", "deployment", "bad", image}, flags...)...)
			refused, warned := strings.Contains(result.Stderr, "denied the request"), strings.Contains(result.Stderr, "Warning: pullgate: ")
			if refused != (mode == "enforce") || refused != (result.Code != 0) || warned != (mode == "warn") {
				t.Errorf("%s, dry runs %s: with %q exit code %d: %s", tc.meant, tc.dryRun, flags, result.Code, result.Output)
			}
			if there := s.kubectl("get", "deployment", "bad", "--ignore-not-found").Stdout != ""; there != (flags == nil && !refused) {
				t.Errorf("%s, dry runs %s: with %q the object is there: %t", tc.meant, tc.dryRun, flags, there)
			}
			s.must("delete", "deployment", "bad", "--ignore-not-found")
		}
	}
}

// testOutside looks at the namespaces from which Pullgate is never called.
func testOutside(t *testing.T, r *rig.Rig) {
	for _, namespace := range []string{"kube-system", r.Gate.Namespace} {
		s := stage{T: t, rig: r, namespace: namespace}
		before := s.calls()
		result := s.kubectl("create", "deployment", "bad", "--image="+r.Lab.Open.Ref("shop/web:1.99"))
		if result.Code != 0 || strings.Contains(result.Stderr, "pullgate:") {
			t.Errorf("%s: exit code %d: %s", namespace, result.Code, result.Output)
		}
		s.await("its ReplicaSet", func() bool {
			return strings.Contains(s.must("get", "replicasets", "-l", "app=bad", "-o", "name"), "/bad")
		})
		s.must("delete", "deployment", "bad")
		if got := s.calls() - before; got != 0 {
			t.Errorf("%s: %d calls, want none", namespace, got)
		}
	}
}
