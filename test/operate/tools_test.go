package operate

import (
	"errors"
	"testing"
)

// Tools that apply what the chart renders leave the caBundle alone, meet no
// conflict, and have nothing to apply the second time.
func TestGitOps(t *testing.T) {
	removed(t)
	manifest, err := on.Helm(t.Context(), values(), "template", "pullgate", chart, "--namespace", namespace, "--values", "-", "--skip-tests")
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"server-side, as Flux and Argo CD do": {"--server-side", "--field-manager=gitops", "-f", "-"},
		"client-side":                         {"-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			apply := func() error {
				_, err := on.Must(t.Context(), manifest, append([]string{"apply"}, args...)...)
				return err
			}
			if err := apply(); err != nil {
				t.Fatal(err)
			}
			must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=2m")
			reached(t)
			unharmed(t, func() error { return errors.Join(apply(), apply()) })
			if !trusting(t, secretValue(t, "ca.crt")) {
				t.Error("the caBundle is gone")
			}
			result, err := on.KubectlWith(t.Context(), manifest, append([]string{"diff"}, args...)...)
			if err != nil || result.Code != 0 {
				t.Errorf("there is a difference: %v\n%s", err, result.Output)
			}
		})
		if _, err := on.Must(t.Context(), manifest, "delete", "-f", "-"); err != nil {
			t.Fatal(err)
		}
		gone(t)
	}
}

// What Helm 3 installed Helm 4 upgrades and rolls back, and the other way round.
func TestHelm3And4(t *testing.T) {
	removed(t)
	upgrade := []string{"upgrade", "--install", "pullgate", chart, "--namespace", namespace, "--values", "-", "--wait", "--timeout", "3m"}
	if _, err := on.Helm3(t.Context(), values(), upgrade...); err != nil {
		t.Fatalf("%v\n%s", err, state())
	}
	reached(t)
	unharmed(t, func() error {
		_, four := on.Helm(t.Context(), values(), append(upgrade, "--set-string", "podAnnotations.by=4")...)
		_, back := on.Helm(t.Context(), "", "rollback", "pullgate", "--namespace", namespace, "--wait", "--timeout", "3m")
		return errors.Join(four, back)
	})
	unharmed(t, func() error {
		_, err := on.Helm3(t.Context(), values(), append(upgrade, "--set-string", "podAnnotations.by=3")...)
		return err
	})
	if !trusting(t, secretValue(t, "ca.crt")) {
		t.Error("the caBundle is gone")
	}
	removed(t)
}

// removed sees to it that Pullgate is not installed.
func removed(t *testing.T) {
	t.Helper()
	helm(t, "uninstall", "pullgate", "--ignore-not-found", "--wait", "--timeout", "2m")
	gone(t)
}

// gone waits until no replica answers any more, not even on connections that API
// servers have kept.
func gone(t *testing.T) {
	t.Helper()
	must(t, "-n", namespace, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=pullgate", "--timeout=1m")
}
