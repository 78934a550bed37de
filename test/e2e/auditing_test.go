package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
	"github.com/pullgate/pullgate/test/e2e/rig/rigtest"
)

// finding is what of a result of `pullgate audit -o json` is looked at.
type finding struct {
	Object  struct{ Kind, Namespace, Name string }
	Reason  string
	Failed  bool
	Digest  string
	Message string
	Notes   []struct{ Reason, Message string }
}

// auditReport is what it prints.
type auditReport struct {
	Summary    struct{ Images, Broken, Failed int }
	Results    []finding
	Namespaces []struct {
		Name, Mode, Command      string
		Images, Refused, Skipped int
		Unknown                  map[string]int
	}
	Images  []string
	Vantage struct{ Warnings []string }
}

// note is the message of a note, "" where there is none.
func (f finding) note(reason string) string {
	for _, note := range f.Notes {
		if note.Reason == reason {
			return note.Message
		}
	}
	return ""
}

// audited runs `pullgate audit` with a kubeconfig, and returns what it printed
// and its exit code.
func (s stage) audited(kubeconfig string, args ...string) (stdout, stderr string, code int) {
	s.Helper()
	binaries := rigtest.Binaries(s, root)
	args = append([]string{"audit", "--kubeconfig", kubeconfig, "--config", s.rig.Gate.ConfigFile}, args...)
	cmd := exec.CommandContext(s.Context(), binaries.Pullgate, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// report audits the cluster, and returns the findings by kind and name.
func (s stage) report(kubeconfig string, args ...string) (auditReport, map[string]finding, int) {
	s.Helper()
	stdout, stderr, code := s.audited(kubeconfig, append(args, "-o", "json")...)
	var report auditReport
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		s.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	byName := map[string]finding{}
	for _, f := range report.Results {
		byName[f.Object.Kind+" "+f.Object.Namespace+"/"+f.Object.Name] = f
	}
	return report, byName, code
}

// TestAudit looks at a cluster in which much is broken.
func TestAudit(t *testing.T) {
	t.Parallel()
	r := rigtest.Start(t, root, rig.Options{})
	s := newStage(t, r, "broken", "pullgate.dev/mode=off")
	s.breakThings()
	other := newStage(t, r, "other", "pullgate.dev/mode=warn")
	other.must("create", "deployment", "web", "--image="+r.Lab.Open.Ref("shop/web:1.27"))
	other.must("create", "deployment", "private", "--replicas=0", "--image="+r.Lab.Token.Ref("shop/private:1.0"))
	clean := newStage(t, r, "clean", "pullgate.dev/mode=audit")
	clean.must("create", "deployment", "web", "--image="+r.Lab.Open.Ref("shop/web:1.27"))

	t.Run("whole cluster", func(t *testing.T) { s.with(t).auditAll() })
	t.Run("one namespace", func(t *testing.T) {
		report, _, code := other.with(t).report(r.Kubeconfig(), "-n", "other")
		if code != 0 || report.Summary.Images != 2 || len(report.Namespaces) != 1 {
			t.Errorf("exit code %d: %+v", code, report)
		}
	})
	t.Run("text", func(t *testing.T) { s.with(t).auditText() })
	t.Run("images", func(t *testing.T) { s.with(t).auditImages() })
	t.Run("exit code", func(t *testing.T) {
		s := s.with(t)
		s.must("label", "namespace", "broken", "pullgate.dev/mode=enforce", "--overwrite")
		for _, failOn := range []struct {
			name string
			code int
		}{{"broken", 1}, {"unknown", 1}, {"never", 0}} {
			if _, stderr, code := s.audited(r.Kubeconfig(), "-n", "broken", "--fail-on", failOn.name, "-o", "junit"); code != failOn.code {
				t.Errorf("--fail-on %s: exit code %d: %s", failOn.name, code, stderr)
			}
		}
		if _, _, code := s.audited(r.Kubeconfig(), "-A", "-n", "broken"); code != 2 {
			t.Errorf("-A and -n: exit code %d", code)
		}
	})
	t.Run("rights", func(t *testing.T) { s.with(t).auditWithView() })
	t.Run("serve", func(t *testing.T) { clean.with(t).auditInServe() })
}

// breakThings makes what cannot be pulled, with Pods in every state.
func (s stage) breakThings() {
	s.Helper()
	missing := s.rig.Lab.Open.Ref("shop/web:1.99")
	s.secret("regcred", s.rig.Lab.Token.Host, lab.Password)
	for _, manifest := range []string{
		deployment("private", s.rig.Lab.Token.Ref("shop/private:1.0"), withSecrets("regcred")),
		deployment("waiting", missing), deployment("always", missing, "imagePullPolicy: Always"), deployment("cached", missing),
		pod("bare", missing), pod("done", missing),
		strings.Replace(deployment("idle", missing), "spec: {", "spec: {replicas: 0, ", 1),
		strings.NewReplacer("NAME", "nightly", "SPEC", podSpec(missing, "restartPolicy: Never")).Replace(
			"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: NAME}\nspec: {schedule: '0 3 * * *', timeZone: Etc/UTC, jobTemplate: {spec: {template: {spec: SPEC}}}}"),
		deployment("moved", s.rig.Lab.Open.Ref("shop/web:latest")),
		"apiVersion: v1\nkind: Node\nmetadata: {name: worker}\n",
	} {
		if result := s.apply(manifest); result.Code != 0 {
			s.Fatal(result.Output)
		}
	}
	s.must("patch", "node", "worker", "--subresource=status", "-p",
		`{"status":{"nodeInfo":{"operatingSystem":"linux","architecture":"amd64","containerRuntimeVersion":"containerd://2.1.4","kubeletVersion":"v1.36.0","architecture":"amd64","bootID":"","kernelVersion":"","kubeProxyVersion":"","machineID":"","osImage":"","systemUUID":""}}}`)
	s.status("waiting", `"state":{"waiting":{"reason":"ImagePullBackOff"}},"imageID":""`)
	running := `"state":{"running":{}},"imageID":"` + s.rig.Lab.Open.Ref("shop/web@sha256:"+strings.Repeat("1", 64)) + `"`
	for _, name := range []string{"always", "cached", "moved"} {
		s.status(name, running)
	}
	s.must("patch", "pod", "done", "--subresource=status", "-p", `{"status":{"phase":"Succeeded"}}`)
}

// status says what a kubelet would say of the one Pod of a Deployment, and that
// it is on the worker.
func (s stage) status(deployment, container string) {
	s.Helper()
	var name string
	s.await("a Pod of "+deployment, func() bool {
		for _, one := range strings.Fields(s.must("get", "pods", "-o", "name")) {
			if strings.HasPrefix(one, "pod/"+deployment+"-") {
				name = one
			}
		}
		return name != ""
	})
	binding := `{"apiVersion":"v1","kind":"Binding","metadata":{"name":"` + strings.TrimPrefix(name, "pod/") + `"},"target":{"apiVersion":"v1","kind":"Node","name":"worker"}}`
	if result := s.feed(binding, "create", "--raw", "/api/v1/namespaces/"+s.namespace+"/pods/"+strings.TrimPrefix(name, "pod/")+"/binding", "-f", "-"); result.Code != 0 {
		s.Fatal(result.Output)
	}
	s.must("patch", name, "--subresource=status", "-p",
		`{"status":{"phase":"Pending","containerStatuses":[{"name":"app","image":"x","ready":false,"restartCount":0,`+container+`}]}}`)
}

func (s stage) auditAll() {
	before := s.rig.Lab.Open.Count("HEAD", "/v2/shop/web/manifests/1.99")
	report, found, code := s.report(s.rig.Kubeconfig(), "-A")
	if code != 0 { // nothing is broken where the mode is enforce
		s.Errorf("exit code %d", code)
	}
	if asked := s.rig.Lab.Open.Count("HEAD", "/v2/shop/web/manifests/1.99") - before; asked != 1 {
		s.Errorf("an image was asked for %d times", asked)
	}
	for name, want := range map[string]struct{ reason, note string }{
		"Deployment broken/private": {"Pullable", ""},
		"Deployment broken/waiting": {"TagNotFound", "it hurts already: 1 Pod waits for it"},
		"Deployment broken/always":  {"TagNotFound", "it hurts at the next restart of a container"},
		"Deployment broken/cached":  {"TagNotFound", "it hurts when a Pod lands on another node"},
		"Deployment broken/idle":    {"TagNotFound", "it hurts with the next Pod"},
		"CronJob broken/nightly":    {"TagNotFound", "it hurts at the CronJob's next time: 2"},
		"Pod broken/bare":           {"TagNotFound", "it hurts with the next Pod"},
		"Deployment other/web":      {"Pullable", ""},
		"Deployment other/private":  {"CredentialsRequired", "it hurts with the next Pod"},
	} {
		f, there := found[name]
		if !there || f.Reason != want.reason || !strings.HasPrefix(f.note("Imminence"), want.note) || (f.note("Imminence") == "") != (want.note == "") {
			s.Errorf("%s: %t %s, %q, want %+v", name, there, f.Reason, f.note("Imminence"), want)
		}
	}
	if note := found["Deployment broken/moved"].note("TagMoved"); !strings.Contains(note, "the tag latest has moved: Pods run sha256:111") {
		s.Errorf("moved: %q", note)
	}
	for name := range found {
		if strings.HasPrefix(name, "ReplicaSet ") || name == "Pod broken/done" || strings.HasPrefix(name, "Pod broken/waiting") {
			s.Errorf("%s is looked at", name)
		}
	}
	s.checkPlan(report)
}

// checkPlan looks at the plan, and does what it says.
func (s stage) checkPlan(report auditReport) {
	s.Helper()
	for _, n := range report.Namespaces {
		wanted, listed := map[string]int{"broken": 6, "other": 1, "clean": 0}[n.Name]
		if listed && (n.Refused != wanted || (n.Command != "") != (n.Name == "clean")) {
			s.Errorf("%+v, want %d refused", n, wanted)
		}
		if n.Name == "clean" {
			s.must(strings.Fields(n.Command)[1:]...)
			if mode := s.must("get", "namespace", "clean", "-o", `jsonpath={.metadata.labels.pullgate\.dev/mode}`); mode != "enforce" {
				s.Errorf("%s made the mode %q", n.Command, mode)
			}
		}
	}
}

func (s stage) auditText() {
	s.must("label", "namespace", "clean", "pullgate.dev/mode=warn", "--overwrite")
	stdout, stderr, _ := s.audited(s.rig.Kubeconfig(), "-A")
	for _, want := range []string{
		"broken " + s.rig.Lab.Open.Ref("shop/web:1.99") + " (TagNotFound)", "NAMESPACE", "REFUSED",
		"kubectl label namespace clean pullgate.dev/mode=enforce --overwrite\n",
	} {
		if !strings.Contains(stdout, want) {
			s.Errorf("%q is not in\n%s%s", want, stdout, stderr)
		}
	}
	if strings.Contains(stdout, "label namespace broken") || strings.Contains(stdout+stderr, lab.Password) {
		s.Errorf("it says too much:\n%s", stdout)
	}
}

func (s stage) auditImages() {
	stdout, stderr, code := s.audited(s.rig.Kubeconfig(), "-A", "-o", "images")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	running := s.rig.Lab.Open.Ref("shop/web@sha256:" + strings.Repeat("1", 64))
	if code != 0 || !slices.IsSorted(lines) || !slices.Contains(lines, running) || len(slices.Compact(slices.Clone(lines))) != len(lines) {
		s.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, s.rig.Lab.Token.Ref("shop/private@sha256:")) {
		s.Errorf("what a new Pod would get is not in\n%s", stdout)
	}
}

// auditWithView audits with the rights to look at workloads alone, and with
// none.
func (s stage) auditWithView() {
	s.must("create", "serviceaccount", "viewer")
	kubeconfig, err := s.rig.ServiceAccountKubeconfig(s.Context(), s.namespace, "viewer")
	if err != nil {
		s.Fatal(err)
	}
	kubeconfig, _ = filepath.Abs(kubeconfig)
	if _, stderr, code := s.audited(kubeconfig, "-n", s.namespace); code != 2 || !strings.Contains(stderr, "nothing may be read") {
		s.Errorf("without rights: exit code %d: %s", code, stderr)
	}
	s.must("create", "role", "viewer", "--verb=get,list",
		"--resource=pods,deployments.apps,statefulsets.apps,daemonsets.apps,replicasets.apps,jobs.batch,cronjobs.batch,replicationcontrollers")
	s.must("create", "rolebinding", "viewer", "--role=viewer", "--serviceaccount="+s.namespace+":viewer")
	s.await("the rights", func() bool {
		return s.kubectl("auth", "can-i", "list", "pods", "--as=system:serviceaccount:"+s.namespace+":viewer").Code == 0
	})
	report, found, code := s.report(kubeconfig, "-n", s.namespace)
	if code > 1 || found["Deployment broken/private"].Reason != "NodeCredentialsUnknown" {
		s.Errorf("exit code %d, %+v", code, found["Deployment broken/private"])
	}
	warned := strings.Join(report.Vantage.Warnings, "\n")
	for _, want := range []string{"Nodes may not be read", "PodTemplate may not be read"} {
		if !strings.Contains(warned, want) {
			s.Errorf("%q is not in %q", want, warned)
		}
	}
}

// auditInServe lets Pullgate itself look, with the chart's rights.
func (s stage) auditInServe() {
	s.must("label", "namespace", "clean", "pullgate.dev/mode=warn", "--overwrite")
	s.must("apply", "-n", s.rig.Gate.Namespace, "-f", absolute(s.T, filepath.Join("testdata", "audit.yaml")))
	s.configure(rig.DefaultConfig + "audit: {enabled: true}\n")
	metric := func(name string, labels ...string) float64 {
		value, err := s.rig.Gate.Metric(s.Context(), name, labels...)
		if err != nil {
			s.Fatal(err)
		}
		return value
	}
	s.await("the Lease", func() bool {
		return metric("pullgate_audit_leading") == 1 && metric("pullgate_audit_workloads") > 5
	})
	if holder := s.must("get", "lease", "pullgate-audit", "-n", s.rig.Gate.Namespace, "-o", "jsonpath={.spec.holderIdentity}"); holder == "" {
		s.Error("nobody holds the Lease")
	}
	s.must("create", "deployment", "fine", "--replicas=0", "--image="+s.rig.Lab.Open.Ref("shop/web:1.28"))
	s.must("create", "deployment", "gone", "--replicas=0", "--image="+s.rig.Lab.Open.Ref("shop/web:1.99"))
	s.await("the first looks", func() bool {
		return metric("pullgate_image_pullable", `name="fine"`) == 1 && metric("pullgate_image_unknown", `name="gone"`) == 1
	})
	s.configure(rig.DefaultConfig)
	s.await("the end of the term", func() bool { return metric("pullgate_audit_leading") == 0 })
}
