package operate

import (
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

// A real Prometheus answers what the dashboard asks. Without a replica, Ignore
// lets everything in; the alert for that fires, on the API server's own metric.
func TestSeen(t *testing.T) {
	installed(t)
	p := startPrometheus(t)
	// What does not happen here: the API server's errors, what is unknown, and what
	// the auditor, which is off, would find.
	quiet := regexp.MustCompile(`apiserver_|verdict="unknown"|pullgate_(image|pods|audit|pull_secret)_`)
	unharmed(t, func() error {
		for _, query := range queries(t) {
			if quiet.MatchString(query) {
				if _, err := p.ask(query); err != nil {
					t.Error(err)
				}
				continue
			}
			p.answered(t, query)
		}
		if firing, err := p.ask(`ALERTS{alertstate="firing"}`); err != nil || firing > 0 {
			t.Errorf("%d alerts though all is well: %v", firing, err)
		}
		return nil
	})
	t.Run("match conditions", func(t *testing.T) { conditionsFail(t, p) })
	_, err := on.Helm(t.Context(), values(), "upgrade", "pullgate", chart, "--namespace", namespace, "--values", "-", "--wait",
		"--set", "replicaCount=0,webhook.failurePolicy=Ignore")
	if err != nil {
		t.Fatal(err)
	}
	gone(t)
	count := during(t, func() error {
		for _, alert := range []string{"PullgateFailsOpen", "PullgateDown"} {
			p.answered(t, `ALERTS{alertstate="firing", alertname="`+alert+`"}`)
		}
		return nil
	})
	if count.Failed > 0 || count.LetIn == 0 {
		t.Errorf("not everything was let in: %v", count)
	}
}

// conditionsFail lets an entry that calls nobody have a match condition that the API
// server cannot evaluate.
func conditionsFail(t *testing.T, p prometheus) {
	t.Helper()
	const broken = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: broken-conditions}
webhooks:
- name: conditions.pullgate.dev
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {url: "https://127.0.0.1:1/"}
  rules: [{operations: [CREATE], apiGroups: [apps], apiVersions: [v1], resources: [deployments]}]
  matchConditions: [{name: broken, expression: "object.spec.thereIsNoSuchField == 1"}]
`
	if _, err := on.Must(t.Context(), broken, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	defer must(t, "delete", "validatingwebhookconfiguration", "broken-conditions")
	unharmed(t, func() error {
		p.answered(t, `ALERTS{alertstate="firing", alertname="PullgateConditionsFail"}`)
		return nil
	})
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
