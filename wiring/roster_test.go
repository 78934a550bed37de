package wiring

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/nodeprofile"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/nodes"
)

// kept are profiles that a cluster keeps, for a test to change.
type kept map[string][]byte

// put keeps a profile of some nodes, with some more lines.
func (k kept) put(name, runtime, ofNodes string, lines ...string) {
	text := "apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\nnodes: [" + ofNodes + "]\nruntime: {name: " + runtime + "}\n"
	k[name] = []byte(text + strings.Join(lines, "\n"))
}

// components are made of what is kept, and closed with the test.
func (k kept) components(t *testing.T) *Components {
	t.Helper()
	return k.configured(t, policy.Default())
}

// configured are components by a configuration.
func (k kept) configured(t *testing.T, configuration policy.Configuration) *Components {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c, err := New(configuration, Dependencies{
		Secrets: cluster.Source{}, Observer: metrics.New(prometheus.NewRegistry(), log), Log: log,
		Profiles: func() map[string][]byte { return maps.Clone(k) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// whose spells which nodes have which profile.
func whose(profiles []nodes.Profile) string {
	var all []string
	for _, one := range profiles {
		all = append(all, one.Name+": "+strings.Join(one.Nodes, " "))
	}
	return strings.Join(all, ", ")
}

// Nodes come and go in what is in use, whatever else of a profile nobody goes by
// changes, too. Other settings leave the lists as they are until they are read.
func TestRoster(t *testing.T) {
	k := kept{}
	k.put("p-0", "containerd", "a")
	k.put("p-1", "cri-o", "x")
	listed := k.components(t).profiles.roster
	first := listed.profiles()
	if got := whose(first); got != "p-0: a, p-1: x" {
		t.Fatalf("at first: %s", got)
	}
	k.put("p-0", "containerd", "a")
	if again := listed.profiles(); &again[0] != &first[0] {
		t.Error("a new list of what has not changed")
	}
	k.put("p-0", "containerd", "a, b", "proxies: [{service: containerd, http: http://proxy.example.com}]", "kubelet: {registryPullQPS: 5}")
	if got := whose(listed.profiles()); got != "p-0: a b, p-1: x" || listed.title("p-0") != "p-0 (a, b)" {
		t.Errorf("a node more: %s, %s", got, listed.title("p-0"))
	}
	k.put("p-0", "containerd", "a")
	k.put("p-2", "containerd", "b", "registries: [{host: quay.io, server: {url: 'https://mirror.example.com'}}]")
	for range 2 {
		if got := whose(listed.profiles()); got != "p-0: a b, p-1: x" {
			t.Errorf("settings that were not read: %s", got)
		}
	}
	if got := whose(k.components(t).profiles.roster.profiles()); got != "p-0: a, p-1: x, p-2: b" {
		t.Errorf("read anew: %s", got)
	}
	if got := whose((&roster{files: []nodes.Profile{{Name: "file.yaml"}}}).profiles()); got != "file.yaml: " {
		t.Errorf("a file: %s", got)
	}
}

// The library that reads registries.conf forgets no file, so that there must not be
// ever more: a folder is used again when its time is over, and not before.
func TestFolders(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	k := kept{}
	k.put("p-0", "cri-o", "a")
	var made []string
	inUse := k.components(t)
	for range 5 {
		next := k.components(t)
		if next.profiles.dir == inUse.profiles.dir {
			t.Fatalf("two in %s", inUse.profiles.dir)
		}
		if err := inUse.Close(); err != nil {
			t.Fatal(err)
		}
		made, inUse = append(made, next.profiles.dir), next
	}
	slices.Sort(made)
	if different := len(slices.Compact(made)); different != 2 {
		t.Errorf("%d folders one after the other", different)
	}
}

// A node's config.json is known where Pullgate has the same, and nothing else in it is.
func TestDockerConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(`{"auths": {"a.example.com": {"username": "u", "password": "p"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const other = "sha256:00"
	k := kept{}
	k.put("p-0", "containerd", "a", "credentials:", "- {registry: a.example.com, from: /var/lib/kubelet/config.json}",
		"- {registry: b.example.com, from: /var/lib/kubelet/config.json}", "- {registry: a.example.com, from: /var/lib/kubelet/config.json, fingerprint: '"+other+"'}")
	for config, hidden := range map[string]string{"": "a.example.com b.example.com a.example.com", file: "b.example.com a.example.com"} {
		configuration := policy.Default()
		configuration.Nodes.DockerConfig = config
		if got := strings.Join(k.configured(t, configuration).profiles.hidden, " "); got != hidden {
			t.Errorf("with %q: hidden %q, want %q", config, got, hidden)
		}
	}
}

// A node's credential provider is known where Pullgate has the same, and no other is.
func TestProviders(t *testing.T) {
	const entry = `{"name": %q, "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "defaultCacheDuration": "0s", "matchImages": ["%s.example.com"], "args": ["get"]}`
	dir := t.TempDir()
	file := func(name string) string {
		t.Helper()
		text := `{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [` + fmt.Sprintf(entry, name, name) + `]}`
		for path, mode := range map[string]os.FileMode{name: 0o700, name + ".json": 0o600} {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, name+".json")
	}
	own, other := file("own"), file("other")
	of := nodeprofile.ReadProviders(own)[0]
	k := kept{}
	k.put("p-0", "containerd", "a", fmt.Sprintf("kubelet: {credentialProviders: [{name: own, matchImages: [own.example.com], fingerprint: %q}]}", of.Fingerprint))
	for config, hidden := range map[string]string{"": "own.example.com", own: "", other: "own.example.com"} {
		configuration := policy.Default()
		if config != "" {
			configuration.Nodes.CredentialProviders.Config, configuration.Nodes.CredentialProviders.BinDir = config, dir
		}
		if got := strings.Join(k.configured(t, configuration).profiles.hidden, " "); got != hidden {
			t.Errorf("with %q: hidden %q, want %q", config, got, hidden)
		}
	}
}
