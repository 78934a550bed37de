package operate

import (
	"errors"
	"testing"
)

// Tools that apply what the chart renders leave the caBundle alone, meet no
// conflict, and have nothing to apply the second time.
func TestGitOps(t *testing.T) {
	installed(t)
	manifest, err := on.Helm(t.Context(), values(), "template", "pullgate", chart, "--namespace", namespace, "--values", "-", "--skip-tests")
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"server-side, as Flux and Argo CD do": {"apply", "--server-side", "--field-manager=gitops", "-f", "-"},
		"server-side, by force":               {"apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller", "-f", "-"},
		"client-side":                         {"apply", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			unharmed(t, func() error {
				for range 2 {
					if _, err := on.Must(t.Context(), manifest, args...); err != nil {
						return err
					}
					if !trusting(t, secretValue(t, "ca.crt")) {
						return errors.New("the caBundle is gone")
					}
				}
				return nil
			})
			if name == "client-side" {
				return // leaves an annotation that kubectl alone looks at
			}
			result, err := on.KubectlWith(t.Context(), manifest, append([]string{"diff"}, args[1:]...)...)
			if err != nil || result.Code != 0 {
				t.Errorf("there is a difference: %v\n%s", err, result.Output)
			}
		})
	}
	must(t, "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=1m")
}

// What Helm 3 installed Helm 4 upgrades and rolls back, and the other way round.
func TestHelm3And4(t *testing.T) {
	removed(t)
	upgrade := []string{"upgrade", "--install", "pullgate", chart, "--namespace", namespace, "--values", "-", "--wait", "--timeout", "3m"}
	if _, err := on.Helm3(t.Context(), values(), upgrade...); err != nil {
		t.Fatalf("%v\n%s", err, state())
	}
	unharmed(t, func() error {
		_, four := on.Helm(t.Context(), values(), append(upgrade, "--set", "podAnnotations.by=4")...)
		_, back := on.Helm(t.Context(), "", "rollback", "pullgate", "--namespace", namespace, "--wait", "--timeout", "3m")
		return errors.Join(four, back)
	})
	unharmed(t, func() error {
		_, err := on.Helm3(t.Context(), values(), append(upgrade, "--set", "podAnnotations.by=3")...)
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
}
