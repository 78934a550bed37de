// Package operate tests how Pullgate is installed, fails, heals and goes, on a
// whole cluster, under failurePolicy Fail and a steady load through its
// Service.
package operate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/operate/ground"
	"github.com/pullgate/pullgate/test/operate/load"
)

const (
	root      = "../.."
	chart     = root + "/deploy/chart"
	namespace = "pullgate-system"
)

// on is the one ground that all tests are on, one after the other. TestMain has no
// other way to hand it over.
var on *ground.Ground

func TestMain(m *testing.M) {
	if err := ground.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	bin := func(name string) string { return filepath.Join(root, "bin", name) }
	var err error
	on, err = ground.Start(context.Background(), ground.Programs{
		Kube: bin("kube"), Sleeper: bin("sleeper"), Provider: bin("provider"), Archive: bin("image-of-chart.tar"), Helm: os.Getenv("HELM"), Helm3: os.Getenv("HELM3"),
		Containerd: os.Getenv("CONTAINERD"), Shim: os.Getenv("SHIM"), Ctr: os.Getenv("CTR"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	code := 1
	if err = on.Namespace(context.Background(), namespace, "pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/warn=restricted"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	} else {
		code = m.Run()
	}
	if err := on.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}

// must runs kubectl and returns what it printed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := on.Must(t.Context(), "", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// helm runs helm for the release's namespace.
func helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := on.Helm(t.Context(), values(), append(args, "--namespace", namespace)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, state())
	}
	return out
}

// values are the chart's for these tests.
func values() string {
	return fmt.Sprintf(`{"replicaCount": 3, "webhook": {"failurePolicy": "Fail"}, "extraCAs": %q, "test": {"registries": [%q]}}`, on.Registry.CA, on.Registry.Host)
}

// state tells of the Pods, for a test that failed.
func state() string {
	text := ""
	for _, args := range [][]string{
		{"-n", namespace, "get", "pods,secrets", "-o", "wide"},
		{"-n", namespace, "get", "events", "--sort-by=.lastTimestamp"},
	} {
		result, err := on.Kubectl(context.Background(), args...)
		text += result.Output
		if err != nil {
			text += err.Error()
		}
	}
	logs, _ := filepath.Glob(on.Dir() + "/kubelet/logs/" + namespace + "_*/pullgate/*.log") // the pattern is sound
	for _, file := range logs {
		log, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text += "\n" + file + "\n" + tail(string(log))
	}
	return text
}

// tail is the end of a log, without the decisions.
func tail(log string) string {
	lines := slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool { return strings.Contains(line, `"msg":"decision"`) })
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// installed sees to it that Pullgate is installed and ready.
func installed(t *testing.T, more ...string) {
	t.Helper()
	helm(t, append([]string{"upgrade", "--install", "pullgate", chart, "--create-namespace", "--values", "-", "--wait", "--timeout", "3m"}, more...)...)
	reached(t)
}

// reached waits until an API server reaches Pullgate: for a moment after replicas
// are ready their Service refuses connections, until kube-proxy has heard of them.
func reached(t *testing.T) {
	t.Helper()
	if _, err := await(t, "serving", time.Minute, func() bool { return serving(t) }); err != nil {
		t.Fatalf("%v\n%s", err, state())
	}
}

// steady is the usual load.
func steady() load.Load {
	return load.Load{Cluster: on.Cluster, Images: on.Registry, Clients: 8, Every: 100 * time.Millisecond}
}

// during loads while something is done.
func during(t *testing.T, do func() error) load.Count {
	t.Helper()
	count, err := steady().During(t.Context(), do)
	if err != nil {
		t.Fatalf("%v\n%s", err, state())
	}
	t.Log(count)
	return count
}

// unharmed loads while something is done, and nothing may come of it.
func unharmed(t *testing.T, do func() error) {
	t.Helper()
	if count := during(t, do); count.Wrong() > 0 {
		t.Errorf("%d of %d admissions went wrong", count.Wrong(), count.Asked)
	}
}
