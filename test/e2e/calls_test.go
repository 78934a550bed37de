package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// step is what is done with a workload, and what it must cost.
type step struct {
	does string
	run  func()
	// calls to Pullgate; requests tells whether registries may have any.
	calls    int
	requests bool
}

// testCalls counts what a Deployment's life costs, the controllers' part of it
// included.
func testCalls(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "calls")
	first, second := r.Lab.Open.Ref("shop/web:1.28"), r.Lab.Open.Ref("shop/web:1.29")
	start, total := s.calls(), 0
	for _, step := range []step{
		{"create 50 replicas", func() {
			s.must("create", "deployment", "web", "--image="+first, "--replicas=50")
			s.awaitPods(50)
		}, 1, true},
		{"scale to 60", func() {
			s.must("scale", "deployment/web", "--replicas=60")
			s.awaitPods(60)
		}, 0, false},
		{"label", func() { s.must("label", "deployment/web", "team=checkout") }, 0, false},
		{"annotate", func() { s.must("annotate", "deployment/web", "note=none") }, 0, false},
		{"a Pod bound to a node, its status, and endpoints", s.serve, 0, false},
		{"delete a Pod", func() {
			gone := s.pods()[1] // the first one waits for its kubelet to end it
			s.must("delete", "pod", gone)
			s.await("another Pod", func() bool {
				now := s.pods()
				return len(now) == 60 && !slices.Contains(now, gone)
			})
		}, 0, false},
		{"restart", func() {
			s.must("rollout", "restart", "deployment/web")
			s.awaitGenerations(2)
		}, 0, false},
		{"a new image", func() {
			s.must("set", "image", "deployment/web", "web="+second)
			s.awaitGenerations(3)
		}, 1, true},
		{"back to the old image, which is cached", func() { s.must("set", "image", "deployment/web", "web="+first) }, 1, false},
		{"another Deployment of a cached image", func() {
			s.must("create", "deployment", "other", "--image="+first)
		}, 1, false},
		{"delete", func() { s.must("delete", "deployment", "web", "other") }, 0, false},
	} {
		calls, requests := s.calls(), r.Lab.Requests()
		step.run()
		if got := s.calls() - calls; got != step.calls {
			t.Errorf("%s: %d calls, want %d", step.does, got, step.calls)
		}
		if got := r.Lab.Requests() - requests; got != 0 && !step.requests {
			t.Errorf("%s: registries had %d requests, want none", step.does, got)
		}
		total += step.calls
	}
	// Once more for what controllers did behind a step.
	if got := s.calls() - start; got != total {
		t.Errorf("%d calls in all, want %d", got, total)
	}
}

// pods are the names of the Deployment's Pods.
func (s stage) pods() []string {
	s.Helper()
	return strings.Fields(s.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.name}"))
}

func (s stage) awaitPods(count int) {
	s.Helper()
	s.await(fmt.Sprintf("%d Pods", count), func() bool { return len(s.pods()) == count })
}

// awaitGenerations waits until Pods of so many templates exist.
func (s stage) awaitGenerations(count int) {
	s.Helper()
	s.await(fmt.Sprintf("Pods of %d templates", count), func() bool {
		hashes := strings.Fields(s.must("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.labels.pod-template-hash}"))
		slices.Sort(hashes)
		return len(slices.Compact(hashes)) == count
	})
}

// serve makes a Service of the Deployment, puts a Pod onto a node as the
// scheduler would, makes it ready as the kubelet would, and waits for the
// endpoint.
func (s stage) serve() {
	s.Helper()
	node := s.apply("apiVersion: v1\nkind: Node\nmetadata: {name: node-a}\nstatus: {nodeInfo: {operatingSystem: linux, architecture: amd64, containerRuntimeVersion: 'containerd://2.4.2'}}")
	ready := s.pods()[0]
	bound := s.feed(`{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "`+ready+`"}, "target": {"kind": "Node", "name": "node-a"}}`,
		"create", "--raw", "/api/v1/namespaces/"+s.namespace+"/pods/"+ready+"/binding", "-f", "-")
	if node.Code != 0 || bound.Code != 0 {
		s.Fatal(node.Output, bound.Output)
	}
	s.must("create", "service", "clusterip", "web", "--tcp=80")
	s.must("patch", "pod", ready, "--subresource=status", "-p", `{"status": {"phase": "Running", "podIP": "10.1.2.3",
		"podIPs": [{"ip": "10.1.2.3"}], "conditions": [{"type": "Ready", "status": "True"}]}}`)
	s.await("an endpoint", func() bool {
		return strings.Contains(s.must("get", "endpointslices", "-o", "jsonpath={.items[*].endpoints[*].addresses}"), "10.1.2.3")
	})
}
