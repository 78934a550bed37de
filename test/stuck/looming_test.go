package stuck

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
	"github.com/pullgate/pullgate/test/stuck/stage"
)

// loom is a workload whose image the registry loses, and which does not suffer yet.
type loom struct {
	name string
	// target is what is explained; objects are made for it.
	target, objects string
	// runs is what the Pods have when it is time for the registry to lose the
	// image; empty: at once.
	runs string
	// says is when it is said to hurt.
	says string
	// then has come what was said, by a command that makes it come; empty: it is
	// not to come.
	then string
	// unhurt is a command after which it still runs.
	unhurt string
}

// always is web with pull policy Always.
func always(pairs ...string) string {
	return with(append([]string{`volumeMounts`, `imagePullPolicy: Always, volumeMounts`}, pairs...)...)
}

// job is a Pod's template for what ends.
func job(head string) string {
	return head + strings.NewReplacer(`name: web, image: "{image}"`, `name: web, image: "{image}", command: [/true], args: [once]`, "containers:", "restartPolicy: Never, containers:").Replace(pod)
}

const running = `"ready":true`

func looming() []loom {
	return []loom{
		{name: "at-restart", target: "deployment/at-restart", objects: always(), runs: running,
			says: "it hurts at the next restart of container web: the pull policy is Always", then: "crictl stop $(crictl ps -q --label io.kubernetes.pod.namespace=at-restart)"},
		{name: "at-reschedule", target: "deployment/at-reschedule", objects: with(), runs: running,
			says:   "it hurts when the Pod lands on another node, or node roomy is replaced",
			unhurt: "kubectl delete pod --all -n at-reschedule",
			then:   `kubectl patch deployment at-reschedule -n at-reschedule -p '{"spec":{"template":{"spec":{"nodeName":"` + stage.Narrow + `"}}}}'`},
		{name: "at-sandbox", target: "deployment/at-sandbox", runs: `"phase":"Running"`,
			objects: with("containers:", `initContainers: [{name: first, image: "{image}", imagePullPolicy: Always, args: [once], command: [/true], volumeMounts: [{name: program, mountPath: /true, readOnly: true}]}], containers:`),
			says:    "it hurts when the Pod's sandbox is made anew", then: "crictl stopp $(crictl pods -q --namespace at-sandbox)"},
		{name: "at-time", target: "cronjob/at-time", says: "it hurts at the CronJob's next time: " + nextYear() + "-01-01T03:00:00Z (0 3 1 1 * Etc/UTC)",
			objects: job(cronJob), then: "kubectl create job now --from=cronjob/at-time -n at-time"},
		{name: "at-resume", target: "cronjob/at-resume", says: "it hurts when the CronJob is suspended no longer",
			objects: job(strings.Replace(cronJob, "spec:", "spec:\n  suspend: true", 1)), then: "kubectl create job now --from=cronjob/at-resume -n at-resume"},
		{name: "at-scale", target: "deployment/at-scale", objects: strings.Replace(with(), "replicas: 1", "replicas: 0", 1),
			says: "it hurts when it is scaled up: it has no replicas", then: "kubectl scale deployment at-scale --replicas=1 -n at-scale"},
		{name: "at-job", target: "job/at-job", says: "it hurts when it is suspended no longer",
			objects: job("apiVersion: batch/v1\nkind: Job\nmetadata: {name: at-job}\nspec:\n  suspend: true\n  template:\n    spec: "),
			then:    `kubectl patch job at-job -n at-job -p '{"spec":{"suspend":false}}'`},
		{name: "at-end", target: "job/at-end", runs: `"phase":"Succeeded"`, says: "the Pod has ended: it hurts with the next one",
			objects: job("apiVersion: batch/v1\nkind: Job\nmetadata: {name: at-end}\nspec:\n  template:\n    spec: "), unhurt: "kubectl get job at-end -n at-end"},
	}
}

// nextYear is the one in which the first of January is next, at three o'clock.
func nextYear() string {
	now := time.Now().UTC()
	if now.Before(time.Date(now.Year(), time.January, 1, 3, 0, 0, 0, time.UTC)) {
		return strconv.Itoa(now.Year())
	}
	return strconv.Itoa(now.Year() + 1)
}

const cronJob = `apiVersion: batch/v1
kind: CronJob
metadata: {name: "{name}"}
spec:
  schedule: "0 3 1 1 *"
  timeZone: Etc/UTC
  jobTemplate:
    spec:
      template:
        spec: `

// TestLooming: of what could not be pulled again it is said when it hurts; then it
// does, and not before.
func TestLooming(t *testing.T) {
	for _, l := range looming() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			tr := trouble{Scenario: scenario.Scenario{Name: l.name}, objects: l.objects, settled: l.runs, target: l.target}
			tr.make(t)
			on.Lab.Lose(l.name)
			if said, _ := explained(t, on.Kubeconfig(), l.target, "-n", l.name); !strings.Contains(said.Answer, l.says) {
				t.Errorf("got %s[%s]: %s", said.State, said.Code, said.Answer)
			}
			if l.unhurt != "" {
				tr.run(t, l.unhurt)
				tr.settled = l.runs
				tr.settle(t)
			}
			if l.then != "" {
				tr.run(t, l.then)
				tr.settled = failed
				tr.settle(t)
			}
		})
	}
}

// run runs a command that is to succeed.
func (tr trouble) run(t *testing.T, command string) {
	t.Helper()
	if out, err := tr.command(t, command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// command is one as people run it, by kubectl or on the Node.
func (tr trouble) command(t *testing.T, text string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/bash", "-euo", "pipefail", "-c", text)
	cmd.Env = environment(tr.node())
	return cmd
}
