package e2e

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// kind is one that has a pod template, or is one.
type kind struct {
	name string
	// manifest has NAME and SPEC, a pod spec, in it.
	manifest string
	// field is the path of the pod spec.
	field string
	// fixed is what the API server itself says of another image; empty where
	// the image may be changed.
	fixed string
}

func kinds() []kind {
	template := "template: {metadata: {labels: {app: NAME}}, spec: SPEC}"
	apps := func(kind, more string) string {
		return "apiVersion: apps/v1\nkind: " + kind + "\nmetadata: {name: NAME}\n" +
			"spec: {selector: {matchLabels: {app: NAME}}, " + more + template + "}"
	}
	const immutable = "field is immutable"
	return []kind{
		{name: "pod", field: "spec", manifest: "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: SPEC"},
		{name: "deployment", field: "spec.template.spec", manifest: apps("Deployment", "")},
		{name: "statefulset", field: "spec.template.spec", manifest: apps("StatefulSet", "serviceName: NAME, ")},
		{name: "daemonset", field: "spec.template.spec", manifest: apps("DaemonSet", "")},
		{name: "replicaset", field: "spec.template.spec", manifest: apps("ReplicaSet", "")},
		{name: "replicationcontroller", field: "spec.template.spec", manifest: "apiVersion: v1\nkind: ReplicationController\n" +
			"metadata: {name: NAME}\nspec: {selector: {app: NAME}, " + template + "}"},
		{name: "job", field: "spec.template.spec", fixed: immutable, manifest: "apiVersion: batch/v1\nkind: Job\n" +
			"metadata: {name: NAME}\nspec: {" + template + "}"},
		{name: "cronjob", field: "spec.jobTemplate.spec.template.spec", manifest: "apiVersion: batch/v1\nkind: CronJob\n" +
			"metadata: {name: NAME}\nspec: {schedule: '0 0 31 2 *', jobTemplate: {spec: {" + template + "}}}"},
		{name: "podtemplate", field: "template.spec", manifest: "apiVersion: v1\nkind: PodTemplate\nmetadata: {name: NAME}\n" + template},
		{name: "rollout", field: "spec.template.spec", manifest: "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n" +
			"metadata: {name: NAME}\nspec: {" + template + "}"},
	}
}

// of is a manifest of the kind with one container.
func (k kind) of(name, image string) string {
	spec := podSpec(image)
	if k.name == "job" || k.name == "cronjob" {
		spec = podSpec(image, "restartPolicy: Never")
	}
	return strings.NewReplacer("NAME", name, "SPEC", spec).Replace(k.manifest)
}

// denial is what Pullgate's refusal of a missing tag says, in lines.
func denial(field, image string) string {
	return `pullgate.dev" denied the request: "` + image + `": tag not found` + "\n  field: " + field
}

// saysAll tells whether all of some lines were printed.
func saysAll(printed, lines string) bool {
	for line := range strings.SplitSeq(lines, "\n") {
		if !strings.Contains(printed, line) {
			return false
		}
	}
	return true
}

// cell is one of the table of kinds and operations.
type cell struct {
	does string
	// run does it.
	run func() cluster.Result
	// calls is how many it must cause.
	calls int
	// denied is what kubectl must print of it; empty: it is let in without a
	// word.
	denied string
	// there is the image that the object must have afterwards; empty: there
	// must be no object.
	there string
}

func testKinds(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "kinds")
	if result := s.apply(rollouts); result.Code != 0 {
		t.Fatal(result.Output)
	}
	s.must("wait", "--for=condition=Established", "crd/rollouts.argoproj.io", "--timeout=30s")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) { s.with(t).checkKind(k) })
	}
}

// checkKind does the row of one kind.
func (s stage) checkKind(k kind) {
	good, bad := s.rig.Lab.Open.Ref("shop/web:1.27"), s.rig.Lab.Open.Ref("shop/web:1.99")
	field := k.field + ".containers[0].image"
	name, wrong, trial := "good-"+k.name, "bad-"+k.name, "trial-"+k.name
	changed := cell{"update to bad", func() cluster.Result { return s.apply(k.of(name, bad)) }, 1, denial(field, bad), good}
	if k.fixed != "" {
		changed.calls, changed.denied = 0, k.fixed
	}
	for object, cells := range map[string][]cell{
		name: {
			{"create good", func() cluster.Result { return s.apply(k.of(name, good)) }, 1, "", good},
			{"update unchanged", func() cluster.Result { return s.kubectl("label", k.name, name, "team=checkout") }, 0, "", good},
			changed,
			{"dry run of an update to bad", func() cluster.Result {
				return s.apply(k.of(name, bad), "--dry-run=server")
			}, changed.calls, changed.denied, good},
		},
		wrong: {{"create bad", func() cluster.Result { return s.apply(k.of(wrong, bad)) }, 1, denial(field, bad), ""}},
		trial: {{"dry run of bad", func() cluster.Result {
			return s.apply(k.of(trial, bad), "--dry-run=server")
		}, 1, denial(field, bad), ""}},
	} {
		for _, c := range cells {
			s.checkCell(c, func() string {
				return s.kubectl("get", k.name, object, "--ignore-not-found", "-o", "jsonpath={."+field+"}").Output
			})
		}
	}
}

// checkCell does one cell, and asks afterwards which image is there.
func (s stage) checkCell(c cell, there func() string) {
	s.Helper()
	before := s.calls()
	result := c.run()
	called := s.calls() - before
	if denied := result.Code != 0; denied != (c.denied != "") || !saysAll(result.Stderr, c.denied) {
		s.Errorf("%s: exit code %d, printed\n%s\nwant %q", c.does, result.Code, result.Output, c.denied)
	}
	if c.denied == "" && strings.Contains(result.Stderr, "Warning") {
		s.Errorf("%s: not without a word: %s", c.does, result.Stderr)
	}
	if called != c.calls {
		s.Errorf("%s: Pullgate was called %d times, want %d", c.does, called, c.calls)
	}
	if got := there(); got != c.there {
		s.Errorf("%s: the object has the image %q, want %q", c.does, got, c.there)
	}
}

// testEphemeralContainers does the row of pods/ephemeralcontainers.
func testEphemeralContainers(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "debugged")
	good, bad := r.Lab.Open.Ref("tools/debug:1.36"), r.Lab.Open.Ref("tools/debug:1.63")
	if result := s.apply(pod("box", r.Lab.Open.Ref("shop/web:1.27"))); result.Code != 0 {
		t.Fatal(result.Output)
	}
	debug := func(container, image string) func() cluster.Result {
		return func() cluster.Result {
			return s.kubectl("debug", "box", "--attach=false", "-c", container, "--image="+image, "--profile=general")
		}
	}
	replace := func(query string, change ...string) func() cluster.Result {
		return func() cluster.Result {
			object := s.must("get", "pod", "box", "-o", "json")
			return s.feed(strings.NewReplacer(change...).Replace(object), "replace", "--raw",
				"/api/v1/namespaces/debugged/pods/box/ephemeralcontainers"+query, "-f", "-")
		}
	}
	added := []string{`"ephemeralContainers": [`, `"ephemeralContainers": [{"name": "new", "image": "` + bad + `"},`}
	for _, c := range []cell{
		{"create bad", debug("one", bad), 1, denial("spec.ephemeralContainers[0].image", bad), ""},
		{"create good", debug("one", good), 1, "", good},
		{"create bad beside good", debug("two", bad), 1, denial("spec.ephemeralContainers[1].image", bad), good},
		{"update unchanged", replace(""), 0, "", good},
		{"update to bad", replace("", good, bad), 0, "may not be", good},
		{"dry run of bad", replace("?dryRun=All", added...), 1, denial("spec.ephemeralContainers[0].image", bad), good},
	} {
		s.checkCell(c, func() string {
			return s.must("get", "pod", "box", "-o", "jsonpath={.spec.ephemeralContainers[*].image}")
		})
	}
}

// testRoles looks at every place in a pod spec where an image stands.
func testRoles(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "roles")
	good, bad := r.Lab.Open.Ref("shop/web:1.27"), r.Lab.Open.Ref("shop/web:1.99")
	roles := map[string]struct{ field, spec string }{
		"init container": {"initContainers[0].image", "initContainers: [{name: init, image: 'IMAGE'}]"},
		"sidecar":        {"initContainers[0].image", "initContainers: [{name: side, image: 'IMAGE', restartPolicy: Always}]"},
		"image volume":   {"volumes[0].image.reference", "volumes: [{name: data, image: {reference: 'IMAGE'}}]\nvolumeMounts: [{name: data, mountPath: /data}]"},
	}
	for role, place := range roles {
		fields := func(image string) []string {
			return strings.Split(strings.Replace(place.spec, "IMAGE", image, 1), "\n")
		}
		for path, manifest := range map[string]func(string, string, ...string) string{
			"spec.": pod, "spec.template.spec.": deployment,
		} {
			if result := s.apply(manifest("good", good, fields(good)...), "--dry-run=server"); result.Code != 0 || result.Stderr != "" {
				t.Errorf("%s in %s: %s", role, path, result.Output)
			}
			result := s.apply(manifest("bad", good, fields(bad)...))
			if want := denial(path+place.field, bad); result.Code == 0 || !saysAll(result.Stderr, want) {
				t.Errorf("%s in %s: exit code %d: %s\nwant %s", role, path, result.Code, result.Output, want)
			}
		}
	}
	all := pod("all", bad, "initContainers: [{name: init, image: '"+bad+"'}, {name: other, image: '"+r.Lab.Open.Ref("shop/wbe:1")+"'}]")
	result := s.apply(all)
	for _, want := range []string{
		"2 images cannot be pulled:\n", `"` + bad + "\": tag not found\n  field: spec.initContainers[0].image and 1 more",
		`"` + r.Lab.Open.Ref("shop/wbe:1") + "\": repository not found\n  field: spec.initContainers[1].image",
	} {
		if !saysAll(result.Stderr, want) {
			t.Errorf("several images: %s\nwant %q", result.Stderr, want)
		}
	}
}
