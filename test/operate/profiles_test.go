package operate

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pullgate/pullgate/test/operate/ground"
)

// asked is what Pullgate says of a Pod with an image: whether it lets it in, and
// the warning or the refusal.
func asked(t *testing.T, image string) (letIn bool, said string) {
	t.Helper()
	result, err := on.Kubectl(t.Context(), "run", "asked", "--image="+image, "--dry-run=server", "-o", "name")
	if err != nil {
		t.Fatal(err)
	}
	return result.Code == 0, result.Stderr
}

// pulled runs an image where Pullgate is not asked, and returns whether the Node
// pulled it, and what the kubelet says.
func pulled(t *testing.T, name, image string) (bool, string) {
	t.Helper()
	must(t, "-n", "unseen", "run", name, "--image="+image, "--restart=Never")
	var events string
	_, err := await(t, "told by the kubelet", time.Minute, func() bool {
		events = must(t, "-n", "unseen", "get", "events", "--field-selector=involvedObject.name="+name, "-o", `jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}`)
		return strings.Contains(events, "Pulled: ") || strings.Contains(events, "Failed: ")
	})
	if err != nil {
		t.Fatalf("%v: %s", err, events)
	}
	return strings.Contains(events, "Pulled: "), events
}

// profiles are the ConfigMaps of node profiles, as they are.
func profiles(t *testing.T) string {
	t.Helper()
	return must(t, "-n", namespace, "get", "configmaps", "-l", "pullgate.dev/node-profile", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{"\n"}{.data.profile\.yaml}{"\n"}{end}`)
}

// requests counts what API servers were asked about ConfigMaps, by verb.
func requests(t *testing.T, verb string) int {
	t.Helper()
	return sum(t, metricLines(t, "/metrics", "apiserver_request_total", `resource="configmaps"`, `verb="`+verb+`"`))
}

// reloads counts how often replicas have made their engines anew.
func reloads(t *testing.T) int {
	t.Helper()
	total := 0
	for _, pod := range strings.Fields(must(t, "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/name=pullgate", "-o", "jsonpath={.items[*].metadata.name}")) {
		path := "/api/v1/namespaces/" + namespace + "/pods/" + pod + ":8080/proxy/metrics"
		total += sum(t, metricLines(t, path, "pullgate_configuration_reloads_total", `result="taken"`))
	}
	return total
}

// sum adds the values of series up.
func sum(t *testing.T, lines []string) int {
	t.Helper()
	total := 0
	for _, line := range lines {
		count, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		if err != nil {
			t.Fatal(err)
		}
		total += int(count)
	}
	return total
}

// rename puts other nodes into the profile that is kept.
func rename(t *testing.T, from, to string) {
	t.Helper()
	const name = "pullgate-node-profile-0"
	text := must(t, "-n", namespace, "get", "configmap", name, "-o", `jsonpath={.data.profile\.yaml}`)
	if !strings.Contains(text, from) {
		t.Fatalf("no %q in %s", from, text)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{"profile.yaml": strings.Replace(text, from, to, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	must(t, "-n", namespace, "patch", "configmap", name, "--type=merge", "-p", string(patch))
}

// withProvider are helm's arguments by which Pullgate has the Node's credential
// provider, by a Secret of that name.
func withProvider(secret string) []string {
	return []string{
		"--set", "config.nodes.credentialProviders.config=/etc/pullgate-providers/providers.yaml,config.nodes.credentialProviders.binDir=/opt/providers",
		"--set-json", fmt.Sprintf(`extraVolumes=[{"name": "providers", "secret": {"secretName": %q}}, {"name": "programs", "hostPath": {"path": %q}}]`, secret, on.ProviderDir()),
		"--set-json", `extraVolumeMounts=[{"name": "providers", "mountPath": "/etc/pullgate-providers", "readOnly": true}, {"name": "programs", "mountPath": "/opt/providers", "readOnly": true}]`,
	}
}

// The DaemonSet brings the Node's mirrors, authorities and names of credentials to
// Pullgate, which says from then on what the Node does. Nothing is written that
// has not changed, and no secret.
func TestNodeProfiles(t *testing.T) {
	removed(t)
	must(t, "label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/enforce=privileged")
	defer must(t, "label", "namespace", namespace, "--overwrite", "pod-security.kubernetes.io/enforce=restricted")
	if err := on.Namespace(t.Context(), "unseen", "pullgate.dev/mode=off"); err != nil {
		t.Fatal(err)
	}
	defer must(t, "delete", "namespace", "unseen")
	install := []string{"upgrade", "--install", "pullgate", chart, "--values", "-", "--wait", "--timeout", "3m"}
	helm(t, install...)
	good, bad, private, lost := ground.At(ground.Mirrored, "good-1"), ground.At(ground.Mirrored, "bad-1"), ground.At(ground.Private, "good-1"), ground.At(ground.Private, "bad-1")
	unmatched := strings.Replace(private, ground.Private, ground.Mirrored, 1) // by the Node's credential provider
	if err := on.Mirror(ground.Mirrored); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = on.Unmirror(ground.Mirrored) }()
	t.Run("without", func(t *testing.T) {
		for _, image := range []string{good, bad, private} {
			if letIn, said := asked(t, image); !letIn || !strings.Contains(said, "Warning: ") {
				t.Errorf("%s: let in %t: %s", image, letIn, said)
			}
		}
	})

	if err := on.Unmirror(ground.Mirrored); err != nil {
		t.Fatal(err)
	}
	helm(t, append(install, "--set", "nodeProfile.enabled=true,nodeProfile.every=1s,nodeProfile.hostRoot="+on.Machine())...)
	named := func() bool { return strings.Contains(profiles(t), "nodes:\n- node\n") }
	if _, err := await(t, "known", time.Minute, named); err != nil {
		t.Fatalf("%v: %s", err, state())
	}
	t.Run("taken up live", func(t *testing.T) {
		if err := on.Mirror(ground.Mirrored); err != nil {
			t.Fatal(err)
		}
		took, err := await(t, "what the Node would do", 30*time.Second, func() bool {
			letIn, said := asked(t, good)
			return letIn && said == ""
		})
		if err != nil {
			t.Fatalf("%v: %s", err, profiles(t))
		}
		t.Logf("taken up after %v", took.Round(time.Millisecond))
		time.Sleep(everTaken) // by every replica
		if letIn, said := asked(t, bad); letIn || !strings.Contains(said, ground.Mirrored) {
			t.Errorf("%s: let in %t: %s", bad, letIn, said)
		}
		if letIn, said := asked(t, unmatched); letIn || !strings.Contains(said, "wants credentials") {
			t.Errorf("%s: let in %t: %s", unmatched, letIn, said)
		}
		if letIn, said := asked(t, private); !letIn || !strings.Contains(said, "Warning: ") || !strings.Contains(said, "not known") {
			t.Errorf("%s: let in %t: %s", private, letIn, said)
		}
	})
	t.Run("as the Node", func(t *testing.T) {
		for i, name := range []string{good, private, bad, lost, unmatched} {
			did, said := pulled(t, fmt.Sprintf("pod-%d", i), name)
			if did != (i < 2) {
				t.Errorf("%s: pulled %t: %s", name, did, said)
			}
		}
	})
	t.Run("a node more, and one less", func(t *testing.T) {
		before := reloads(t)
		rename(t, "nodes:\n", "nodes:\n- another\n")
		time.Sleep(everTaken) // that a replica has not done anything is not told
		rename(t, "nodes:\n- another\n", "nodes:\n")
		time.Sleep(everTaken)
		if after := reloads(t); after != before || before == 0 {
			t.Errorf("engines were made anew %d times, %d times before", after, before)
		}
	})
	t.Run("written on change alone", func(t *testing.T) {
		before, puts, gets := profiles(t), requests(t, "PUT"), requests(t, "GET")
		if _, err := await(t, "read three times more", 30*time.Second, func() bool { return requests(t, "GET") >= gets+3 }); err != nil {
			t.Fatal(err)
		}
		if after := profiles(t); after != before || requests(t, "PUT") != puts {
			t.Errorf("%d more were written:\n%s\n%s", requests(t, "PUT")-puts, before, after)
		}
	})
	t.Run("no secret", func(t *testing.T) {
		kept := profiles(t)
		if !strings.Contains(kept, "hidden.invalid") || !strings.Contains(kept, ground.Private) || !strings.Contains(kept, "BEGIN CERTIFICATE") {
			t.Errorf("what the Node has is not in it: %s", kept)
		}
		if strings.Contains(kept, ground.Marker) || strings.Contains(kept, encoded([]byte(ground.Marker))) {
			t.Errorf("a secret is in it: %s", kept)
		}
	})
	t.Run("no rights", func(t *testing.T) {
		as := "--as=system:serviceaccount:" + namespace + ":pullgate-node-profile"
		for _, args := range [][]string{
			{"create", "configmaps"}, {"update", "configmaps/pullgate"}, {"list", "configmaps"}, {"get", "secrets"}, {"get", "pods"},
		} {
			if result, err := on.Kubectl(t.Context(), append([]string{"-n", namespace, "auth", "can-i", as}, args...)...); err != nil || strings.TrimSpace(result.Stdout) != "no" {
				t.Errorf("%v: %s %v", args, result.Output, err)
			}
		}
	})
	t.Run("the Node's credential provider", func(t *testing.T) {
		must(t, "-n", namespace, "create", "secret", "generic", "providers", "--from-literal=providers.yaml="+ground.Providers())
		defer must(t, "-n", namespace, "delete", "secret", "providers")
		helm(t, slices.Concat(install, withProvider("providers"), []string{"--set", "nodeProfile.enabled=true,nodeProfile.every=1s,nodeProfile.hostRoot=" + on.Machine()})...)
		other, said := ground.At(ground.Private, "good-2"), "" // which is not on the Node yet
		if _, err := await(t, "what the Node would do", 30*time.Second, func() bool {
			var letIn bool
			letIn, said = asked(t, other)
			return letIn && said == ""
		}); err != nil {
			t.Errorf("%s: %v: %s", other, err, said)
		}
		time.Sleep(everTaken) // replicas that go have gone
		if letIn, said := asked(t, lost); letIn || !strings.Contains(said, "tag not found") {
			t.Errorf("%s: let in %t: %s", lost, letIn, said)
		}
	})
	t.Run("k3s", func(t *testing.T) {
		shaped, err := filepath.Abs(root + "/nodeprofile/testdata/k3s")
		if err != nil {
			t.Fatal(err)
		}
		helm(t, append(install, "--set", "nodeProfile.enabled=true,nodeProfile.every=1s,nodeProfile.hostRoot="+shaped)...)
		if _, err := await(t, "of another kind", time.Minute, func() bool {
			kept := profiles(t)
			return strings.Contains(kept, "distribution: k3s") && strings.Count(kept, "kind: NodeProfile") == 1
		}); err != nil {
			t.Errorf("%v: %s", err, profiles(t))
		}
	})
	removed(t)
	if left := must(t, "-n", namespace, "get", "configmaps,daemonsets,roles", "-o", "name"); strings.TrimSpace(left) != "configmap/kube-root-ca.crt" {
		t.Errorf("left behind: %s", left)
	}
}
