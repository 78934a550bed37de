package operate

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// metricLines are the series of a metric that are not 0 and have all of these
// labels, in the API server's answer at a path.
func metricLines(t *testing.T, path, name string, labels ...string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(must(t, "get", "--raw", path)) {
		matches := strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ")
		for _, label := range labels {
			matches = matches && strings.Contains(line, label)
		}
		if matches && !strings.HasSuffix(line, " 0\n") {
			found = append(found, line)
		}
	}
	return found
}

// What alerts and dashboard ask for, a replica has.
func TestMetricsOfAlertsAndDashboard(t *testing.T) {
	installed(t)
	unharmed(t, func() error { return nil })
	served := must(t, "get", "--raw", "/api/v1/namespaces/"+namespace+"/services/pullgate:metrics/proxy/metrics")
	names := regexp.MustCompile(`pullgate_[a-z_]+`)
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile(chart + "/files/" + file) //nolint:gosec // of the repository
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names.FindAllString(string(text), -1) {
			if !strings.Contains(served, "\n"+name) {
				t.Errorf("%s asks for %s, which no replica has", file, name)
			}
		}
	}
}

// Without a replica, Ignore lets everything in; the API server's own metric says
// so, by the name that the alert asks for.
func TestFailsOpen(t *testing.T) {
	installed(t)
	_, err := on.Helm(t.Context(), values(), "upgrade", "pullgate", chart, "--namespace", namespace, "--values", "-", "--wait",
		"--set", "replicaCount=0,webhook.failurePolicy=Ignore")
	if err != nil {
		t.Fatal(err)
	}
	gone(t)
	count, err := steady().During(context.WithoutCancel(t.Context()), func() error { return nil })
	if err != nil || count.Failed > 0 || count.LetIn == 0 {
		t.Errorf("not everything was let in: %v, %v", count, err)
	}
	if metricLines(t, "/metrics", "apiserver_admission_webhook_fail_open_count", `name="templates.pullgate.dev"`) == nil {
		t.Error("the API server does not count what it let in")
	}
}

// Without a replica, Fail refuses everything, and the way out of docs/break-glass.md
// lets it in.
func TestBreakGlass(t *testing.T) {
	installed(t)
	must(t, "-n", namespace, "scale", "deployment/pullgate", "--replicas=0")
	gone(t)
	create := func() bool {
		result, err := on.Kubectl(t.Context(), "create", "deployment", "web", "--image="+on.Registry.Good(1), "--dry-run=server")
		return err == nil && result.Code == 0
	}
	if create() {
		t.Error("it was let in under Fail without a replica")
	}
	if metricLines(t, "/metrics", "apiserver_admission_webhook_rejection_count", `name="templates.pullgate.dev"`, `error_type="calling_webhook_error"`) == nil {
		t.Error("the API server does not count what it refused")
	}
	t.Run("a namespace", func(t *testing.T) {
		must(t, "label", "namespace", "default", "pullgate.dev/mode=off")
		defer must(t, "label", "namespace", "default", "pullgate.dev/mode-")
		if _, err := await(t, "let in", awhile, create); err != nil {
			t.Error(err)
		}
	})
	t.Run("the cluster", func(t *testing.T) {
		must(t, "delete", configuration)
		if _, err := await(t, "let in", awhile, create); err != nil {
			t.Error(err)
		}
	})
}
