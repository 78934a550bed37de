package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/pullgate/pullgate/policy"
)

func TestModes(t *testing.T) {
	tests := []struct {
		mode    policy.Mode
		tag     string
		allowed bool
		warned  bool
	}{
		{policy.Enforce, "ok", true, false},
		{policy.Enforce, "tagnotfound", false, false},
		{policy.Enforce, "ratelimited", true, true},
		{policy.Enforce, "neverpresent", true, true},
		{policy.Warn, "ok", true, false},
		{policy.Warn, "tagnotfound", true, true},
		{policy.Warn, "ratelimited", true, true},
		{policy.Audit, "tagnotfound", true, false},
		{policy.Audit, "ratelimited", true, false},
		{policy.Off, "tagnotfound", true, false},
	}
	for _, test := range tests {
		for _, place := range []string{"file", "label", "rule"} {
			t.Run(fmt.Sprintf("%s by %s, %s", test.mode, place, test.tag), func(t *testing.T) {
				rig := newRig(t, func(c *policy.Configuration) {
					switch place {
					case "file":
						c.Mode = test.mode
					case "rule":
						c.Mode = policy.Off
						c.Rules = []policy.Rule{{Namespaces: []string{"shop"}, Mode: test.mode}}
					}
				})
				if place == "label" {
					rig.labels = map[string]string{policy.ModeLabel: string(test.mode)}
				}
				response := rig.ask(t, creation(deployment("app:"+test.tag)))
				if response.Allowed != test.allowed || (len(response.Warnings) > 0) != test.warned {
					t.Errorf("allowed %t, warnings %q", response.Allowed, response.Warnings)
				}
				if looked := len(rig.asked) > 0; looked != (test.mode != policy.Off) {
					t.Errorf("looked: %t", looked)
				}
			})
		}
	}
}

func TestDryRun(t *testing.T) {
	rig := newRig(t)
	if rig.ask(t, creation(deployment("app:tagnotfound"), dryRun)).Allowed {
		t.Error("a dry run is answered otherwise")
	}
	rig = newRig(t, func(c *policy.Configuration) { c.DryRunMode = policy.Audit })
	if response := rig.ask(t, creation(deployment("app:tagnotfound"), dryRun)); !response.Allowed || len(response.Warnings) > 0 {
		t.Errorf("dryRunMode audit: %+v", response)
	}
	if rig.ask(t, creation(deployment("app:tagnotfound"))).Allowed {
		t.Error("dryRunMode counts for what is no dry run")
	}
}

// What nobody looks at, each with an image that would be refused.
func TestLetThroughWithoutALook(t *testing.T) {
	bad := deployment("app:tagnotfound")
	owner := func(apiVersion, kind string, controller bool) string {
		return fmt.Sprintf(`"ownerReferences":[{"apiVersion":%q,"kind":%q,"name":"o","uid":"u","controller":%t}]`, apiVersion, kind, controller)
	}
	kind := func(kind string) func(*admissionv1.AdmissionRequest) {
		return func(r *admissionv1.AdmissionRequest) { r.Kind.Kind = kind }
	}
	in := func(namespace string) func(*admissionv1.AdmissionRequest) {
		return func(r *admissionv1.AdmissionRequest) { r.Namespace = namespace }
	}
	exempt := func(c *policy.Configuration) {
		c.Exempt = policy.Exempt{Namespaces: []string{"kube-*"}, Images: []string{"internal/*"}, Users: []string{"system:serviceaccount:argocd:*"}}
	}
	tests := []struct {
		name    string
		request *admissionv1.AdmissionRequest
		skipped bool
	}{
		{"a plain one", creation(bad), false},
		{"the own namespace", creation(bad, in("pullgate-system")), true},
		{"an exempt namespace", creation(bad, in("kube-system")), true},
		{"an exempt user", creation(bad, func(r *admissionv1.AdmissionRequest) { r.UserInfo.Username = "system:serviceaccount:argocd:server" }), true},
		{"another user", creation(bad, func(r *admissionv1.AdmissionRequest) { r.UserInfo.Username = "system:serviceaccount:argo:server" }), false},
		{"an exempt image", creation(deployment("internal/app:tagnotfound")), true},
		{"a ReplicaSet's Pod", creation(pod(owner("apps/v1", "ReplicaSet", true), "app:tagnotfound"), kind("Pod")), true},
		{"a Job's Pod", creation(pod(owner("batch/v1", "Job", true), "app:tagnotfound"), kind("Pod")), true},
		{"a checked custom resource's Pod", creation(pod(owner("argoproj.io/v1alpha1", "Rollout", true), "app:tagnotfound"), kind("Pod")), true},
		{"an unknown kind's Pod", creation(pod(owner("example.com/v1", "Thing", true), "app:tagnotfound"), kind("Pod")), false},
		{"a Pod that is merely owned", creation(pod(owner("apps/v1", "ReplicaSet", false), "app:tagnotfound"), kind("Pod")), false},
		{"a Node's mirror Pod", creation(pod(owner("v1", "Node", true), "app:tagnotfound"), kind("Pod")), false},
		{"an update of a ReplicaSet's Pod", creation(pod(owner("apps/v1", "ReplicaSet", true), "app:tagnotfound"), kind("Pod"), update(pod("", "app:1"))), false},
		{"a deletion", creation("", func(r *admissionv1.AdmissionRequest) { r.Operation, r.OldObject = admissionv1.Delete, raw(bad) }), true},
		{"a connection", creation(bad, func(r *admissionv1.AdmissionRequest) { r.Operation = admissionv1.Connect }), true},
		{"the scale subresource", creation(bad, update(bad), func(r *admissionv1.AdmissionRequest) { r.SubResource = "scale" }), true},
		{"the status subresource", creation(bad, update(deployment("app:1")), func(r *admissionv1.AdmissionRequest) { r.SubResource = "status" }), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rig := newRig(t, exempt)
			response := rig.ask(t, test.request)
			if looked := len(rig.asked) > 0; looked == test.skipped || response.Allowed != test.skipped {
				t.Errorf("looked %t, allowed %t", looked, response.Allowed)
			}
			if test.skipped && (len(response.Warnings) > 0 || response.AuditAnnotations["verdict"] != "skipped") {
				t.Errorf("warnings %q, annotations %v", response.Warnings, response.AuditAnnotations)
			}
		})
	}
}

// Without a namespace of its own Pullgate leaves none out.
func TestNoNamespaceOfOnesOwn(t *testing.T) {
	rig := newRig(t)
	rig.engine.Self = ""
	if rig.ask(t, creation(deployment("app:tagnotfound"), func(r *admissionv1.AdmissionRequest) { r.Namespace = "" })).Allowed {
		t.Error("what has no namespace is let through")
	}
}

func TestSkipAnnotation(t *testing.T) {
	const annotated = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"pullgate.dev/skip":"side-loaded by hand"}},"spec":{"template":{"spec":{"containers":[{"name":"a","image":"app:tagnotfound"}]}}}}`
	if rig := newRig(t); rig.ask(t, creation(annotated)).Allowed {
		t.Error("the annotation is honoured without leave")
	}
	rig := newRig(t, func(c *policy.Configuration) { c.AllowSkipAnnotation = true })
	response := rig.ask(t, creation(annotated))
	if !response.Allowed || len(rig.asked) > 0 {
		t.Errorf("looked at %q: %+v", rig.images(), response)
	}
	if images := response.AuditAnnotations["images"]; !strings.Contains(images, "side-loaded by hand") || !strings.Contains(images, `"reason":"Exempt"`) {
		t.Errorf("not recorded: %v", response.AuditAnnotations)
	}
	inTemplate := strings.Replace(deployment("app:tagnotfound"), `"template":{`, `"template":{"metadata":{"annotations":{"pullgate.dev/skip":"no"}},`, 1)
	if rig.ask(t, creation(inTemplate)).Allowed {
		t.Error("an annotation of the template counts")
	}
}

// Of an update what is new is looked at, and nothing else is a reason.
func TestUpdates(t *testing.T) {
	withSecret := func(object, secret string) string {
		return strings.Replace(object, `"spec":{"containers"`, fmt.Sprintf(`"spec":{"imagePullSecrets":[{"name":%q}],"containers"`, secret), 1)
	}
	old := deployment("app:1", "sidecar:1")
	tests := []struct {
		name string
		old  string
		now  string
		want []string
	}{
		{"nothing", old, old, nil},
		{"a label", old, strings.Replace(old, `"name":"web"`, `"name":"web","labels":{"a":"b"}`, 1), nil},
		{"replicas", old, strings.Replace(old, `"spec":{"template"`, `"spec":{"replicas":60,"template"`, 1), nil},
		{"one image", old, deployment("app:2", "sidecar:1"), []string{"app:2"}},
		{"images change places", old, deployment("sidecar:1", "app:1"), nil},
		{"a pull secret", withSecret(old, "a"), withSecret(old, "b"), []string{"app:1", "sidecar:1"}},
		{"a pull secret more", old, withSecret(old, "b"), []string{"app:1", "sidecar:1"}},
		{"the service account", old, strings.Replace(old, `"spec":{"containers"`, `"spec":{"serviceAccountName":"x","containers"`, 1), []string{"app:1", "sidecar:1"}},
		{"no old object", "", old, []string{"app:1", "sidecar:1"}},
		{"an old object of rubbish", `{"kind":7}`, old, []string{"app:1", "sidecar:1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rig := newRig(t)
			if !rig.ask(t, creation(test.now, update(test.old))).Allowed {
				t.Error("refused")
			}
			if got := rig.images(); !slices.Equal(got, test.want) {
				t.Errorf("looked at %q, want %q", got, test.want)
			}
		})
	}
	if newRig(t).ask(t, creation(deployment("app:tagnotfound"), update(old))).Allowed {
		t.Error("a change to a bad image is let in")
	}
	if !newRig(t).ask(t, creation(strings.Replace(deployment("app:tagnotfound"), "web", "web2", 1), update(deployment("app:tagnotfound")))).Allowed {
		t.Error("a bad image that stays is refused")
	}
}

// kubectl debug adds ephemeral containers to Pods, whoever controls these.
func TestEphemeralContainers(t *testing.T) {
	metadata := `"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"o","uid":"u","controller":true}]`
	with := func(images ...string) string {
		return strings.Replace(pod(metadata, "app:tagnotfound"), `"containers"`, fmt.Sprintf(`"ephemeralContainers":[%s],"containers"`, containers(images...)), 1)
	}
	debug := func(r *admissionv1.AdmissionRequest) { r.SubResource, r.Kind.Kind = "ephemeralcontainers", "Pod" }
	rig := newRig(t)
	if !rig.ask(t, creation(with("debug:1", "debug:2"), update(with("debug:1")), debug)).Allowed {
		t.Error("a good one is refused")
	}
	if got := rig.images(); !slices.Equal(got, []string{"debug:2"}) {
		t.Errorf("looked at %q", got)
	}
	if newRig(t).ask(t, creation(with("debug:tagnotfound"), update(with()), debug)).Allowed {
		t.Error("a bad one is let in")
	}
}

// What is let through costs nothing: neither are labels asked for nor is the
// object read.
func TestLetThroughAtNoCost(t *testing.T) {
	for _, namespace := range []string{"kube-system", "pullgate-system"} {
		rig := newRig(t)
		rig.engine.Labels = func(context.Context, string) (map[string]string, error) { panic("asked") }
		rubbish := creation(`{"kind":7}`, func(r *admissionv1.AdmissionRequest) { r.Namespace = namespace })
		if response := rig.ask(t, rubbish); len(response.Warnings) > 0 {
			t.Errorf("%s: %q", namespace, response.Warnings)
		}
	}
	rig := newRig(t)
	rig.labels = map[string]string{policy.ModeLabel: "off"}
	if response := rig.ask(t, creation(`{"kind":7}`)); len(response.Warnings) > 0 {
		t.Errorf("mode off: %q", response.Warnings)
	}
}

// While labels cannot be read, one of them may say not to deny.
func TestLabelsThatCannotBeRead(t *testing.T) {
	for mode, warned := range map[policy.Mode]bool{policy.Enforce: true, policy.Warn: true, policy.Audit: false} {
		rig := newRig(t, func(c *policy.Configuration) { c.Mode = mode })
		rig.engine.Labels = func(context.Context, string) (map[string]string, error) { return nil, errors.New("api server down") }
		response := rig.ask(t, creation(deployment("app:tagnotfound")))
		if !response.Allowed || (len(response.Warnings) > 0) != warned {
			t.Errorf("%s: allowed %t with warnings %q", mode, response.Allowed, response.Warnings)
		}
		if !strings.Contains(rig.log.String(), "api server down") {
			t.Errorf("not in the log: %s", rig.log.String())
		}
	}
	rig := newRig(t, func(c *policy.Configuration) {
		c.Rules = []policy.Rule{{Namespaces: []string{"shop"}, Mode: policy.Enforce}}
	})
	rig.engine.Labels = func(context.Context, string) (map[string]string, error) { return nil, errors.New("api server down") }
	if rig.ask(t, creation(deployment("app:tagnotfound"))).Allowed {
		t.Error("a rule, which beats any label, is not followed")
	}
}

// Without labels at hand the file's mode counts.
func TestNoLabels(t *testing.T) {
	rig := newRig(t)
	rig.engine.Labels = nil
	if rig.ask(t, creation(deployment("app:tagnotfound"))).Allowed {
		t.Error("let in")
	}
}

// The resolver is told of the request's namespace, which the object may leave out.
func TestNamespaceIsTheRequests(t *testing.T) {
	rig := newRig(t)
	rig.ask(t, creation(pod("", "app:1")))
	if got := rig.asked[0].Object.Namespace; got != "shop" {
		t.Errorf("namespace %q", got)
	}
}
