package wiring

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/profiles"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/workload"
)

// What is wired by half, or configured wrongly, fails before anything is asked.
func TestNewRefuses(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	whole := Dependencies{Secrets: cluster.Source{}, Observer: metrics.New(prometheus.NewRegistry(), log), Log: log}
	if c, err := New(policy.Default(), whole); err != nil || c.Engine(nil).Resolver == nil {
		t.Fatalf("what is whole: %v", err)
	}
	tests := map[string]struct {
		spoil func(*policy.Configuration, *Dependencies)
		want  string
	}{
		"no secrets":   {func(_ *policy.Configuration, d *Dependencies) { d.Secrets = nil }, "wiring: a source of secrets is missing"},
		"no observer":  {func(_ *policy.Configuration, d *Dependencies) { d.Observer = nil }, "wiring: an observer is missing"},
		"no log":       {func(_ *policy.Configuration, d *Dependencies) { d.Log = nil }, "wiring: a log is missing"},
		"no platform":  {func(c *policy.Configuration, _ *Dependencies) { c.Nodes.Platforms = []string{"a/b/c/d"} }, "nodes.platforms: "},
		"no kind":      {func(c *policy.Configuration, _ *Dependencies) { c.Workloads = []workload.Custom{{Kind: "Rollout"}} }, "workloads[0]: group: "},
		"no providers": {func(c *policy.Configuration, _ *Dependencies) { c.Nodes.CredentialProviders.Config = "/none/p.yaml" }, "nodes.credentialProviders: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			configuration, in := policy.Default(), whole
			test.spoil(&configuration, &in)
			if _, err := New(configuration, in); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// The contract's own example has an empty list, which must not deny what the
// nodes of a cloud can pull, be it that we may not.
func TestHiddenHosts(t *testing.T) {
	for _, empty := range [][]string{nil, {}} {
		if got := hiddenHosts(policy.Nodes{CloudCredentials: pull.Clouds(), HiddenCredentials: empty}); !slices.Equal(got, keyring.DefaultHiddenHosts()) {
			t.Errorf("%#v: %q", empty, got)
		}
	}
	if got := hiddenHosts(policy.Nodes{CloudCredentials: []string{pull.ECR}, HiddenCredentials: []string{"a.example.com"}}); !slices.Equal(got, []string{"a.example.com"}) {
		t.Errorf("got %q", got)
	}
}

// What the configuration says of nodes reaches the resolver.
func TestRuntimes(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	configuration := policy.Default()
	configuration.Nodes.Runtimes = []string{"cri-o", "containerd-local"}
	c, err := New(configuration, Dependencies{Secrets: cluster.Source{}, Observer: metrics.New(prometheus.NewRegistry(), log), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Engine(nil).Resolver.(*resolver.Resolver).Runtimes; got != pull.CRIO|pull.ContainerdLocal {
		t.Errorf("%04b", got)
	}
}

// Profiles that the cluster keeps count as those in files do, and whose they are is
// said. One that is none is left out, and refusals prove nothing meanwhile.
func TestProfilesOfTheCluster(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	kept := map[string][]byte{
		"p-1": []byte("apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\nnodes: [a, b, c, d, e]\nruntime: {name: cri-o}\n"),
		"p-0": []byte("apiVersion: pullgate.dev/v1alpha1\nkind: NodeProfile\nnodes: [f]\nruntime: {name: containerd, path: local}\n"),
	}
	in := Dependencies{
		Secrets: cluster.Source{}, Observer: metrics.New(prometheus.NewRegistry(), log), Log: log,
		Profiles: func() map[string][]byte { return maps.Clone(kept) },
	}
	configuration := policy.Default()
	configuration.Nodes.ProfilesNamespace = "pullgate-system"
	c, err := New(configuration, in)
	if err != nil {
		t.Fatal(err)
	}
	known, title := c.profiles.roster.profiles(), c.profiles.roster.title
	if len(known) != 2 || title(known[0].Name) != "p-0 (f)" || title(known[1].Name) != "p-1 (a, b, c and 2 more)" || known[1].Runtimes != pull.CRIO {
		t.Errorf("known: %+v", known)
	}
	image, err := reference.ParseNormalizedNamed("registry.invalid/app:1")
	if err != nil {
		t.Fatal(err)
	}
	kept["p-2"] = []byte("kind: Secret")
	if c, err = New(configuration, in); err != nil || len(c.profiles.roster.profiles()) != 2 {
		t.Fatalf("one that is none is left out: %v", err)
	}
	asked, ok := c.registry.(*profiles.Prober)
	if !ok || !strings.Contains(asked.Doubt, "ConfigMap pullgate-system/p-2") {
		t.Fatalf("asked by %+v", c.registry)
	}
	asked.Others = refusing{}
	for _, query := range []pull.Query{{Image: image}, {Image: image, Profiles: []string{""}}} {
		if got := asked.Probe(t.Context(), query); got.Reason != pull.NodeCredentialsUnknown {
			t.Errorf("a refusal while a profile is left out: %s", got.Reason)
		}
	}
}

// TestRegistriesOfAProfile makes sure that CRI-O's library reads of a profile what
// was in the nodes' registries.conf.
func TestRegistriesOfAProfile(t *testing.T) {
	profile, err := readProfile("../nodeprofile/testdata/openshift.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const digested = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	known := nodeProfiles{dir: t.TempDir()}
	read, err := known.registries("0", profile)
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]string{
		"quay.io/openshift-release-dev/ocp:1": "quay.io/openshift-release-dev/ocp:1",
		"quay.io/openshift-release-dev/ocp" + digested: "mirror.example.com:5000/openshift/release/ocp" + digested +
			", second.example.com/openshift/release/ocp" + digested + ", quay.io/openshift-release-dev/ocp" + digested,
		"blocked.example.com/a:1":   "blocked.example.com/a:1 blocked",
		"docker.io/library/nginx:1": "docker.io/library/nginx:1",
	} {
		named, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			t.Fatal(err)
		}
		places, err := read.Places(named)
		var got []string
		for _, place := range places {
			text := place.Image.String()
			if place.Blocked != "" {
				text += " blocked"
			}
			got = append(got, text)
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, %v, want %q", image, got, err, want)
		}
	}
}

// What is configured of CRI-O and cannot be read is told with its key.
func TestCRIOSettingsRefuse(t *testing.T) {
	for key, configured := range map[string]policy.Registries{
		"registries.registriesConf": {RegistriesConf: "/nonexistent/registries.conf"},
		"registries.policy":         {Policy: "/nonexistent/policy.json"},
	} {
		if err := crioSettings(configured, &registry.Options{}); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%v, want one of %s", err, key)
		}
	}
}

// refusing has no image.
type refusing struct{ profiles.Asker }

func (refusing) Probe(context.Context, pull.Query) pull.Finding {
	return pull.Finding{Reason: pull.TagNotFound}
}
