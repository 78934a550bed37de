package operate

import (
	"strings"
	"testing"
	"time"
)

// Uninstalled is uninstalled: nobody is refused anything for it, and nothing
// stays behind.
func TestUninstall(t *testing.T) {
	// Other Pods have the other configuration sooner than kubelets bring it.
	installed(t, "--set", "config.audit.enabled=true", "--set", "podAnnotations.auditor=on")
	if _, err := await(t, "the auditor looks", time.Minute, func() bool {
		return must(t, "-n", namespace, "get", "configmap/pullgate-audit-requests", "-o", "jsonpath={.binaryData}") != ""
	}); err != nil {
		t.Fatal(err)
	}
	count := during(t, func() error {
		_, err := on.Helm(t.Context(), "", "uninstall", "pullgate", "--namespace", namespace, "--wait", "--timeout", "2m")
		return err
	})
	if count.Failed+count.RefusedGood > 0 {
		t.Errorf("%d admissions failed", count.Failed)
	}
	left := func() string {
		return must(t, "get", "validatingwebhookconfigurations,clusterroles,clusterrolebindings", "-o", "name", "-l", "app.kubernetes.io/name=pullgate") +
			must(t, "-n", namespace, "get", "all,secrets,roles,rolebindings,leases,poddisruptionbudgets,networkpolicies", "-o", "name") +
			strings.ReplaceAll(must(t, "-n", namespace, "get", "configmaps,serviceaccounts", "-o", "name"), "configmap/kube-root-ca.crt\nserviceaccount/default\n", "")
	}
	if _, err := await(t, "clean", 30*time.Second, func() bool { return left() == "" }); err != nil {
		t.Errorf("%v: %s", err, left())
	}
}
