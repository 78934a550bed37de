package auditor

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// One replica looks while the others rest, and another takes over when it ends, in
// order or not.
func TestReplicas(t *testing.T) {
	const interval = 30 * time.Minute
	w := newWorld(t)
	for i := range 5 {
		image := fmt.Sprintf("shop/app-%d:1", i)
		if err := w.registry.Push(image, "there"); err != nil {
			t.Fatal(err)
		}
		w.feed(w.deploy(fmt.Sprint("app-", i), image, ""), "apply", "-f", "-")
	}
	rests := func(r *replica) {
		t.Helper()
		if r.value(t, "audit_leading") != 0 || r.value(t, "audit_workloads") != -1 || r.value(t, "image_pullable") != -1 {
			t.Errorf("a replica that rests says %v, %v, %v", r.value(t, "audit_leading"), r.value(t, "audit_workloads"), r.value(t, "image_pullable"))
		}
	}
	a := w.start(configuration(interval, 400))
	w.await("the first", func() bool { return a.value(t, "audit_workloads") >= 5 })
	b, c := w.start(configuration(interval, 400)), w.start(configuration(interval, 400))
	w.advance(interval + time.Minute)
	if n := a.value(t, "image_pullable", "namespace=shop"); n != 5 {
		t.Errorf("%v of 5 images are pullable", n)
	}
	asked := len(w.registry.Asked())
	rests(b)
	rests(c)

	t.Log("the first ends in order")
	a.stop()
	second, third := b, c
	w.await("the second", func() bool {
		if c.value(t, "audit_leading") == 1 {
			second, third = c, b
		}
		return second.value(t, "audit_workloads_seen") >= 5
	})
	rests(third)
	if n := second.value(t, "image_pullable", "namespace=shop"); n != 5 {
		t.Errorf("%v of 5 images are pullable after a handover", n)
	}

	t.Log("the second is cut off")
	second.cut.Store(true)
	w.await("the third", func() bool { return third.value(t, "audit_workloads_seen") >= 5 })
	rests(second)
	if n := third.value(t, "image_pullable", "namespace=shop"); n != 5 {
		t.Errorf("%v of 5 images are pullable after a loss", n)
	}
	if n := len(w.registry.Asked()) - asked; n != 0 {
		t.Errorf("%d requests for two handovers", n)
	}
}

// Where only wgpolicyk8s.io is served, its PolicyReports are written, and go when
// the auditor is switched off.
func TestPolicyReports(t *testing.T) {
	const interval = 30 * time.Minute
	w := newWorldWith(t, "policyreports", "wgpolicyk8s.io")
	if err := w.registry.Push("shop/gone:2", "there"); err != nil {
		t.Fatal(err)
	}
	w.feed(w.deploy("gone", "shop/gone:1", ""), "apply", "-f", "-")
	reports := func() string {
		return strings.TrimSpace(w.must("get", "policyreports", "-n", "shop", "-o",
			`jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind}/{.scope.name} {.summary.fail}/{.summary.warn} {.results[*].rule} {.results[*].properties.hurts}{"\n"}{end}`))
	}
	a := w.start(configuration(interval, 400))
	w.await("the Lease", func() bool { return a.value(t, "audit_workloads") >= 1 })
	w.advance(2 * interval)
	if r := reports(); r != "Deployment/gone 1/0 TagNotFound next_pod" {
		t.Errorf("reports: %q", r)
	}
	off := configuration(interval, 400)
	off.Audit.Enabled = false
	if err := a.configure(off); err != nil {
		t.Fatal(err)
	}
	w.await("the end of the Reports", func() bool { return reports() == "" })
	w.await("rest", func() bool { return a.value(t, "audit_leading") == 0 })
	if n := a.value(t, "audit_interval_seconds"); n != -1 {
		t.Errorf("an auditor that is switched off has an interval of %v s", n)
	}
}

// expiring is a password that tells its end, as a JSON Web Token does.
func expiring(at time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, at.Unix())) + "." + part("unsigned")
}

// What is in sight is told before it hurts: an image that only a node has, a tag
// that moved, a pull secret that ends and that nobody renews.
func TestForesight(t *testing.T) {
	const interval = 6 * time.Hour
	w := newWorld(t)
	w.feed("apiVersion: v1\nkind: Node\nmetadata: {name: worker}\n", "apply", "-f", "-")
	password := expiring(w.clock.Now().Add(8 * time.Hour))
	w.registry.Password(password)
	w.regcred(password)
	for _, image := range []string{"shop/gone:1", "shop/moved:1", "private/api:1"} {
		if err := w.registry.Push(image, "first"); err != nil {
			t.Fatal(err)
		}
	}
	w.feed(w.deploy("api", "private/api:1", ", imagePullSecrets: [{name: regcred}]"), "apply", "-f", "-")
	for name, image := range map[string]string{"gone": "shop/gone:1", "moved": "shop/moved:1"} {
		w.feed(fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: shop}\nspec: {nodeName: worker, containers: [{name: app, image: '%s'}]}\n",
			name, w.registry.Ref(image)), "apply", "-f", "-")
		repository, _, _ := strings.Cut(w.registry.Ref(image), ":1")
		w.must("patch", "pod", name, "-n", "shop", "--subresource=status", "-p",
			`{"status":{"phase":"Running","containerStatuses":[{"name":"app","image":"x","imageID":"`+repository+`@sha256:1111111111111111111111111111111111111111111111111111111111111111","ready":true,"restartCount":0,"state":{"running":{}}}]}}`)
	}
	w.registry.Delete("shop/gone", "1")
	a := w.start(configuration(interval, 400))
	w.await("the Lease", func() bool { return a.value(t, "audit_workloads") >= 3 })
	w.advance(interval + 30*time.Minute)
	for series, want := range map[string]float64{
		"image_hurts name=gone kind=Pod when=reschedule": 1, "image_tag_moved name=moved": 1, "image_hurts name=moved": -1, "image_tag_moved name=gone": -1,
	} {
		labels := strings.Fields(series)
		if got := a.value(t, labels[0], labels[1:]...); got != want {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
	if r := w.reports(); r != "Pod/gone 1/0 TagNotFound\nPod/moved 0/1 TagMoved" {
		t.Errorf("reports: %s", r)
	}
	for name, want := range map[string]string{"gone": "Warning ImageNotPullable", "moved": "Normal TagMoved", "api": ""} {
		if e := w.events(name); e != want {
			t.Errorf("events on %s: %q, want %q", name, e, want)
		}
	}
	if e := w.must("get", "events", "-n", "shop", "--field-selector", "reason=ImageNotPullable", "-o", "jsonpath={.items[*].message}"); !strings.Contains(e, "it hurts when a Pod lands on another node") {
		t.Errorf("%s", e)
	}

	t.Log("less than an hour before the pull secret's end, and after a rollout of what moved")
	w.must("delete", "pod", "moved", "-n", "shop", "--force")
	w.advance(time.Hour)
	if e := w.events("api"); e != "Warning PullSecretExpires" {
		t.Errorf("events on api: %q", e)
	}
	// That of what is gone goes with it, when the controller manager comes to it.
	w.await("the Reports", func() bool { return w.reports() == "Deployment/api 0/1 PullSecretExpires\nPod/gone 1/0 TagNotFound" })
	if strings.Contains(w.must("get", "events,reports", "-n", "shop", "-o", "json"), password) {
		t.Error("a secret's value is told")
	}

	t.Log("it is renewed in time")
	renewed := expiring(w.clock.Now().Add(12 * time.Hour))
	w.registry.Password(renewed)
	w.regcred(renewed)
	w.advance(40 * time.Minute)
	if r := w.reports(); r != "Pod/gone 1/0 TagNotFound" {
		t.Errorf("reports: %s", r)
	}
	if n := a.value(t, "image_pullable", "name=api"); n != 1 {
		t.Errorf("api is %v, want 1", n)
	}
}
