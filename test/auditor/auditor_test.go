package auditor

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// events are the Events of Pullgate's on a Deployment, as TYPE REASON.
func (w *world) events(name string) string {
	return strings.TrimSpace(w.must("get", "events", "-n", "shop", "--field-selector", "source=pullgate,involvedObject.name="+name,
		"--sort-by=.firstTimestamp", "-o", `jsonpath={range .items[*]}{.type} {.reason}{"\n"}{end}`))
}

// reports are the workloads with Reports, and what they say.
func (w *world) reports() string {
	return strings.TrimSpace(w.must("get", "reports", "-n", "shop", "--sort-by=.scope.name", "-o",
		`jsonpath={range .items[*]}{.metadata.ownerReferences[0].kind}/{.scope.name} {.summary.fail}/{.summary.warn} {.results[*].rule}{"\n"}{end}`))
}

func (w *world) regcred(password string) {
	made := w.must("create", "secret", "docker-registry", "regcred", "-n", "shop", "--docker-server="+w.registry.Host,
		"--docker-username=bob", "--docker-password="+password, "--dry-run=client", "-o", "yaml")
	w.feed(made, "apply", "-f", "-")
}

// A day in the life of a cluster: what was pullable is deleted, a password is
// changed, a tag moves, the registry is down for an hour, and Pullgate is
// restarted and handed over in between.
func TestDay(t *testing.T) {
	const interval, budget = 30 * time.Minute, 1000
	w := newWorld(t)
	w.registry.Password("first")
	manifests := w.deploy("web", "shop/web:1", "") + w.deploy("api", "private/api:1", ", imagePullSecrets: [{name: regcred}]") + w.deploy("moved", "shop/moved:1", "")
	images := []string{"shop/web:1", "private/api:1", "shop/moved:1"}
	for i := range 10 {
		image := fmt.Sprintf("shop/app-%d:1", i)
		images = append(images, image)
		manifests += w.deploy(fmt.Sprint("app-", i), image, "")
	}
	for _, image := range images {
		if err := w.registry.Push(image, "first"); err != nil {
			t.Fatal(err)
		}
	}
	w.regcred("first")
	w.feed(manifests, "apply", "-f", "-")

	a := w.start(configuration(interval, budget))
	w.await("the Lease", func() bool { return a.value(t, "audit_leading") == 1 && a.value(t, "audit_workloads") >= 13 })
	if n := a.value(t, "image_pullable", "namespace=shop"); n != -1 {
		t.Errorf("%v images are said to be pullable before anybody looked", n)
	}
	w.advance(interval + time.Minute)
	if n := a.value(t, "image_pullable", "namespace=shop"); n != 13 {
		t.Fatalf("%v of 13 images are pullable", n)
	}
	if r := w.reports(); r != "" {
		t.Errorf("reports of what is well: %s", r)
	}

	t.Log("an image is deleted, a password changed, a tag moved")
	w.registry.Delete("shop/web", "1")
	w.registry.Password("second")
	if err := w.registry.Push("shop/moved:1", "second"); err != nil {
		t.Fatal(err)
	}
	w.advance(2 * interval)
	broken := func(r *replica) {
		t.Helper()
		if web, api := r.value(t, "image_pullable", "name=web", "reason=TagNotFound"), r.value(t, "image_pullable", "name=api", "reason=CredentialsRejected"); web != 0 || api != 0 {
			t.Errorf("web %v, api %v, want 0", web, api)
		}
		if n := r.value(t, "image_pullable", "namespace=shop"); n != 11 {
			t.Errorf("%v images are pullable, want 11", n)
		}
		if r := w.reports(); r != "Deployment/api 1/0 CredentialsRejected\nDeployment/web 1/0 TagNotFound" {
			t.Errorf("reports: %s", r)
		}
		for _, name := range []string{"web", "api"} {
			if e := w.events(name); e != "Warning ImageNotPullable" {
				t.Errorf("events on %s: %q", name, e)
			}
		}
	}
	broken(a)
	if e := w.events("moved"); e != "" {
		t.Errorf("events on what moved: %q", e)
	}

	t.Log("a restart, then a handover")
	asked := len(w.registry.Asked())
	a.stop()
	b := w.start(configuration(interval, budget))
	w.await("the Lease", func() bool { return b.value(t, "audit_workloads_seen") >= 13 })
	broken(b)
	c := w.start(configuration(interval, budget))
	b.stop()
	w.await("the Lease", func() bool { return c.value(t, "audit_workloads_seen") >= 13 })
	broken(c)
	if n := len(w.registry.Asked()) - asked; n != 0 {
		t.Errorf("%d requests for a restart", n)
	}

	t.Log("the registry is down for an hour")
	w.registry.Down(true)
	for range 6 {
		w.advance(10 * time.Minute)
		if n := c.value(t, "image_pullable", "namespace=shop", "name=app-1"); n == 0 {
			t.Error("an image is missing because a registry is down")
		}
	}
	if n := c.value(t, "image_unknown", "reason=RegistryUnreachable"); n < 11 {
		t.Errorf("%v images are unknown for want of an answer, %v in all, %v pullable", n, c.value(t, "image_unknown"), c.value(t, "image_pullable"))
	}
	if strings.Contains(w.reports(), "Deployment/app-1 1") || w.events("app-1") != "" {
		t.Errorf("an outage is told as a fault: %s", w.reports())
	}
	w.registry.Down(false)

	t.Log("all is mended")
	if err := w.registry.Push("shop/web:1", "third"); err != nil {
		t.Fatal(err)
	}
	w.regcred("second")
	w.advance(2 * time.Hour)
	if n := c.value(t, "image_pullable", "namespace=shop"); n != 13 {
		t.Errorf("%v of 13 images are pullable", n)
	}
	if r := w.reports(); r != "" {
		t.Errorf("reports: %s", r)
	}
	if e := w.events("web"); e != "Warning ImageNotPullable" {
		t.Errorf("too many events: %s", e)
	}
	w.advance(5 * time.Hour)
	if e := w.events("web"); e != "Warning ImageNotPullable\nNormal ImagePullable" {
		t.Errorf("events: %s", e)
	}
}

// Pods that cannot pull are counted by what was said, those of whose sandbox the
// events alone tell too; Reports go with a key of the configuration.
func TestMissesAndSwitches(t *testing.T) {
	const interval = 30 * time.Minute
	w := newWorld(t)
	if err := w.registry.Push("shop/gone:2", "there"); err != nil {
		t.Fatal(err)
	}
	w.feed(w.deploy("gone", "shop/gone:1", ""), "apply", "-f", "-")
	w.feed("apiVersion: v1\nkind: Node\nmetadata: {name: worker}\n", "apply", "-f", "-")
	for _, name := range []string{"waits", "silent"} {
		w.feed(fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: shop}\nspec: {nodeName: worker, containers: [{name: app, image: '%s', resources: {requests: {cpu: 250m}}}]}\n",
			name, w.registry.Ref("shop/gone:1")), "apply", "-f", "-")
	}
	status := func(name, waiting string) {
		w.must("patch", "pod", name, "-n", "shop", "--subresource=status", "-p",
			`{"status":{"phase":"Pending","containerStatuses":[{"name":"app","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{`+waiting+`}}}]}}`)
	}
	status("waits", `"reason":"ImagePullBackOff","message":"Back-off pulling image"`)
	status("silent", `"reason":"ContainerCreating"`)
	uid := w.must("get", "pod", "silent", "-n", "shop", "-o", "jsonpath={.metadata.uid}")
	w.feed(`{"apiVersion":"v1","kind":"Event","metadata":{"name":"silent.1","namespace":"shop"},"reason":"FailedCreatePodSandBox","type":"Warning",
		"involvedObject":{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"silent","uid":"`+uid+`"},
		"message":"Failed to create pod sandbox: failed to get sandbox image \"r.example/pause:9\": not found"}`, "create", "-f", "-")
	a := w.start(configuration(interval, 400))
	w.await("the Lease", func() bool { return a.value(t, "audit_leading") == 1 && a.value(t, "audit_workloads") >= 3 })
	w.advance(2 * interval)
	for labels, want := range map[string]float64{"reason=ImagePullBackOff said=refused": 1, "reason=SandboxImage said=never_asked": 1} {
		if n := a.value(t, "pods_failing_to_pull", strings.Fields(labels)...); n != want {
			t.Errorf("%s: %v, want %v", labels, n, want)
		}
	}
	if n := a.value(t, "pods_failing_to_pull_requests", "said=refused", "resource=cpu"); n != .25 {
		t.Errorf("they hold %v cores", n)
	}
	if r := w.reports(); strings.Count(r, "TagNotFound") != 3 {
		t.Errorf("reports: %s", r)
	}
	a.stop()
	off := configuration(interval, 400)
	off.Audit.Reports = new(false)
	b := w.start(off)
	w.await("the Lease", func() bool { return b.value(t, "audit_leading") == 1 })
	w.await("the end of the Reports", func() bool { return w.reports() == "" })
}

// A second pass over 1,000 workloads of which nothing has changed writes nothing.
func TestNothingChanged(t *testing.T) {
	const interval = 30 * time.Minute
	w := newWorld(t)
	var all strings.Builder
	for i := range 1000 {
		image := fmt.Sprintf("shop/app:%d", i)
		if i%5 > 0 { // of five, one is missing
			if err := w.registry.Push(image, "same"); err != nil {
				t.Fatal(err)
			}
		}
		all.WriteString(w.deploy(fmt.Sprint("app-", i), image, ""))
	}
	w.feed(all.String(), "create", "-f", "-")
	a := w.start(configuration(interval, 1_000_000))
	w.await("the Lease", func() bool { return a.value(t, "audit_leading") == 1 && a.value(t, "audit_workloads") >= 1000 })
	w.advance(2 * interval)
	first := w.written("/reports/")
	if n := a.value(t, "image_pullable", "namespace=shop"); n != 800 || first != 200 || w.written("/events") != 200 {
		t.Fatalf("%v images are pullable, %d reports and %d events are written", n, first, w.written("/events"))
	}
	w.advance(2 * interval)
	if again, events := w.written("/reports/")-first, w.written("/events")-200; again != 0 || events != 0 {
		t.Errorf("%d reports and %d events are written of what has not changed", again, events)
	}
}
