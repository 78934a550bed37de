package e2e

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// testOwners looks at objects that belong to others: those of a checked kind
// were looked at when their owner was written.
func testOwners(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "owners")
	good, bad := r.Lab.Open.Ref("shop/web:1.27"), r.Lab.Open.Ref("shop/web:1.99")
	owned := func(name, owner string) func() cluster.Result {
		manifest := strings.Replace(pod(name, bad), "{name: "+name+"}",
			"{name: "+name+", ownerReferences: [{"+owner+", name: it, uid: 00000000-0000-4000-8000-000000000000}]}", 1)
		return func() cluster.Result { return s.apply(manifest, "--dry-run=server") }
	}
	cronjob := strings.NewReplacer("NAME", "nightly", "SPEC", podSpec(good, "restartPolicy: Never")).Replace(
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: NAME}\n" +
			"spec: {schedule: '0 0 31 2 *', jobTemplate: {spec: {template: {spec: SPEC}}}}")
	refused := denial("spec.containers[0].image", bad)
	for _, c := range []cell{
		{"a Pod of a ReplicaSet", owned("of-replicaset", "apiVersion: apps/v1, kind: ReplicaSet, controller: true"), 0, "", ""},
		{"a Pod of a Rollout, which is configured", owned("of-rollout", "apiVersion: argoproj.io/v1alpha1, kind: Rollout, controller: true"), 0, "", ""},
		{"a Pod of a kind that nobody checks", owned("of-widget", "apiVersion: example.com/v1, kind: Widget, controller: true"), 1, refused, ""},
		{"a Pod of another group's ReplicaSet", owned("of-other", "apiVersion: example.com/v1, kind: ReplicaSet, controller: true"), 1, refused, ""},
		{"a Pod of an owner that does not control it", owned("of-parent", "apiVersion: apps/v1, kind: ReplicaSet"), 1, refused, ""},
		{"a Pod that a kubelet mirrors", func() cluster.Result {
			mirrored := "{name: mirrored, annotations: {kubernetes.io/config.mirror: x}}"
			return s.apply(strings.Replace(pod("mirrored", bad, "nodeName: node-z"), "{name: mirrored}", mirrored, 1), "--dry-run=server")
		}, 0, "", ""},
		{"a CronJob", func() cluster.Result { return s.apply(cronjob) }, 1, "", ""},
		{"a Job of the CronJob, and its Pod", func() cluster.Result {
			result := s.kubectl("create", "job", "now", "--from=cronjob/nightly")
			s.await("its Pod", func() bool { return s.must("get", "pods", "-l", "job-name=now", "-o", "name") != "" })
			return result
		}, 0, "", ""},
		{"an ephemeral container in a Pod of the Job", func() cluster.Result {
			name := strings.TrimSpace(s.must("get", "pods", "-l", "job-name=now", "-o", "name"))
			return s.kubectl("debug", name, "--attach=false", "-c", "one", "--image="+bad, "--profile=general")
		}, 1, denial("spec.ephemeralContainers[0].image", bad), ""},
	} {
		s.checkCell(c, func() string { return c.there }) // what is there afterwards is of no interest
	}
}
