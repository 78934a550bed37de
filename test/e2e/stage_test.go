package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/rig"
)

// stage is a namespace in which a test acts.
type stage struct {
	*testing.T
	rig       *rig.Rig
	namespace string
}

// newStage makes a namespace with these labels.
func newStage(t *testing.T, r *rig.Rig, namespace string, labels ...string) stage {
	t.Helper()
	if err := r.Namespace(t.Context(), namespace, labels...); err != nil {
		t.Fatal(err)
	}
	return stage{T: t, rig: r, namespace: namespace}
}

// with is the stage of a subtest.
func (s stage) with(t *testing.T) stage {
	s.T = t
	return s
}

// kubectl runs a command in the namespace.
func (s stage) kubectl(args ...string) cluster.Result { s.Helper(); return s.feed("", args...) }

// feed runs a command with this input.
func (s stage) feed(stdin string, args ...string) cluster.Result {
	s.Helper()
	result, err := s.rig.KubectlWith(s.Context(), stdin, append([]string{"-n", s.namespace}, args...)...)
	if err != nil {
		s.Fatal(err)
	}
	return result
}

// apply applies a manifest.
func (s stage) apply(manifest string, flags ...string) cluster.Result {
	s.Helper()
	return s.feed(manifest, append([]string{"apply", "-f", "-"}, flags...)...)
}

// must runs what has to work, and returns what it printed.
func (s stage) must(args ...string) string {
	s.Helper()
	result := s.kubectl(args...)
	if result.Code != 0 {
		s.Fatalf("kubectl %s: %s", strings.Join(args, " "), result.Output)
	}
	return result.Stdout
}

// secret makes a pull secret for a registry.
func (s stage) secret(name, registry, password string) {
	s.Helper()
	s.must("create", "secret", "docker-registry", name, "--docker-server="+registry,
		"--docker-username="+lab.User, "--docker-password="+password)
}

// await asks until the answer is yes, or go test is about to give up.
func (s stage) await(what string, done func() bool) {
	s.Helper()
	limit, limited := s.Deadline()
	for !done() {
		if limited && time.Until(limit) < time.Minute {
			s.Fatalf("waited in vain for %s", what)
		}
	}
}

// calls is how often Pullgate was called so far.
func (s stage) calls() int {
	s.Helper()
	calls, err := s.rig.Gate.Calls(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return calls
}

// configure gives Pullgate another configuration.
func (s stage) configure(config string) {
	s.Helper()
	if taken, err := s.rig.Gate.Configure(s.Context(), config); err != nil || !taken {
		s.Fatalf("the configuration was not taken up: %v\n%s", err, config)
	}
}

// pod is a Pod, as YAML in flow style, of one container with this image.
func pod(name, image string, spec ...string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: " + podSpec(image, spec...)
}

// deployment is a Deployment of such Pods.
func deployment(name, image string, spec ...string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + "}\n" +
		"spec: {selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: " + podSpec(image, spec...) + "}}"
}

// podSpec is a pod spec with one container and further fields, of which
// imagePullPolicy and volumeMounts are the container's.
func podSpec(image string, fields ...string) string {
	container := "name: app, image: '" + image + "'"
	var spec []string
	for _, field := range fields {
		if strings.HasPrefix(field, "imagePullPolicy:") || strings.HasPrefix(field, "volumeMounts:") {
			container += ", " + field
			continue
		}
		spec = append(spec, field)
	}
	return "{" + strings.Join(append([]string{"containers: [{" + container + "}]"}, spec...), ", ") + "}"
}

// withSecrets is the field of a pod spec that names pull secrets.
func withSecrets(names ...string) string {
	var entries []string
	for _, name := range names {
		entries = append(entries, "{name: "+name+"}")
	}
	return "imagePullSecrets: [" + strings.Join(entries, ", ") + "]"
}
