package pulloracle

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/lab"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
	"github.com/pullgate/pullgate/workload"
)

// patience is how long Pullgate is given, unless a scenario says otherwise.
const patience = 20 * time.Second

// parallel is how many scenarios are looked at together.
const parallel = 16

// verdict is what Pullgate says of a scenario.
type verdict struct {
	reason  pull.Reason
	message string
	// node is what the kubelet would report.
	node string
	// asked is what it cost, and manifests how many there were to ask for.
	asked     lab.Asked
	manifests int
}

// verdicts are what Pullgate says of all scenarios, at one depth and for a
// node of each runtime, and what the same clients say when they are asked once
// more.
func verdicts(t *testing.T, file golden.File, runtimes []string, layers bool) (first, second map[string]verdict) {
	t.Helper()
	return verdictsOf(t, scenario.All(), lab.Start, nodesOf(file.Platform, runtimes), layers)
}

// verdictsOf are those of some scenarios, from a lab that is started so.
func verdictsOf(t *testing.T, scenarios []scenario.Scenario, start func(context.Context, []scenario.Scenario, string) (*lab.Lab, error), cluster []nodes.Node, layers bool) (first, second map[string]verdict) {
	t.Helper()
	registries, err := start(t.Context(), scenarios, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registries.Close)
	first, second = map[string]verdict{}, map[string]verdict{}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, s := range scenarios {
		slots <- struct{}{}
		certs := filepath.Join(t.TempDir(), "certs.d")
		group.Go(func() {
			defer func() { <-slots }()
			asked := ask(t, registries, s, certs, cluster, layers)
			mu.Lock()
			defer mu.Unlock()
			first[s.Name], second[s.Name] = asked[0], asked[1]
		})
	}
	group.Wait()
	return first, second
}

// ask lets a Resolver look at a Pod that pulls the scenario's image, with a
// pull secret for each of its credentials, twice.
func ask(t *testing.T, registries *lab.Lab, s scenario.Scenario, certs string, cluster []nodes.Node, layers bool) (asked [2]verdict) {
	t.Helper()
	if err := os.MkdirAll(certs, 0o755); err != nil {
		t.Error(err)
	}
	if _, err := registries.WriteCerts(s.Name, certs); err != nil {
		t.Error(err)
	}
	image := registries.Image(s.Name)
	secrets, names := pullSecrets(image, s.Credentials)
	r := resolver.Resolver{
		Credentials: &keyring.Keyring{Source: secrets},
		Registry: registry.NewClient(registry.Options{
			HostsDir: certs, Guard: registry.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		}),
		Nodes:  func() []nodes.Node { return cluster },
		Layers: layers,
	}
	limit := patience
	if s.Patience > 0 {
		limit = s.Patience
	}
	for i := range asked {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		report := r.Resolve(ctx, workload.Workload{Templates: []workload.Template{{
			Spec: &corev1.PodSpec{}, PullSecrets: names,
			Images: []workload.Image{{Reference: image, Policy: corev1.PullAlways, Role: workload.Container}},
		}}})
		cancel()
		asked[i] = verdict{
			reason: report.Results[0].Reason, message: report.Results[0].Message,
			node: registries.Normalise(s.Name, report.Results[0].Node), asked: registries.Asked(s.Name), manifests: registries.Manifests(s.Name),
		}
	}
	return asked
}

// nodesOf is a cluster as its kubelets report it.
func nodesOf(platform string, runtimes []string) []nodes.Node {
	of := platforms.MustParse(platform)
	var cluster []nodes.Node
	for _, runtime := range runtimes {
		cluster = append(cluster, nodes.FromObject(&corev1.Node{Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{
			OperatingSystem: of.OS, Architecture: of.Architecture, ContainerRuntimeVersion: runtime,
		}}}))
	}
	return cluster
}

// secretStore is the cluster's Secrets.
type secretStore map[string]*corev1.Secret

// Secret returns one of them.
func (s secretStore) Secret(_ context.Context, _, name string) (*corev1.Secret, error) {
	return s[name], nil
}

// ServiceAccount is never asked for: the Pod is made already.
func (s secretStore) ServiceAccount(context.Context, string, string) (*corev1.ServiceAccount, error) {
	return nil, fmt.Errorf("the Pod has no ServiceAccount")
}

// pullSecrets makes one pull secret of each credential, all for the image's
// registry.
func pullSecrets(image string, credentials []scenario.Credential) (secretStore, []string) {
	secrets, names := secretStore{}, []string{}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return secrets, names
	}
	for i, credential := range credentials {
		name := fmt.Sprintf("secret-%d", i)
		names = append(names, name)
		secrets[name] = &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson, Data: map[string][]byte{
			corev1.DockerConfigJsonKey: fmt.Appendf(nil, `{"auths":{%q:{"username":%q,"password":%q}}}`,
				reference.Domain(named), credential.Username, credential.Password),
		}}
	}
	return secrets, names
}

func TestMain(m *testing.M) {
	// Everything is on this machine.
	for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// TestRecorded makes sure that what was recorded are these scenarios.
func TestRecorded(t *testing.T) {
	scenarios := scenario.All()
	registries, err := lab.Start(t.Context(), scenarios, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer registries.Close()
	if len(scenarios) < 120 {
		t.Errorf("%d scenarios, want at least 120", len(scenarios))
	}
	t.Run("oracle", func(t *testing.T) { testRecorded(t, scenarios, registries, readGolden(t), false) })
	for _, file := range readOld(t) {
		t.Run(file.Containerd, func(t *testing.T) { testRecorded(t, scenarios, registries, file, true) })
	}
}

// testRecorded makes sure of one file; a containerd before 2.1 has one path alone.
func testRecorded(t *testing.T, scenarios []scenario.Scenario, registries *lab.Lab, file golden.File, old bool) {
	t.Helper()
	strays := maps.Clone(file.Records)
	for _, s := range scenarios {
		delete(strays, s.Name)
		recipe, err := golden.Recipe(s, registries.Digests(s.Name))
		if err != nil {
			t.Fatal(err)
		}
		switch record, ok := file.Records[s.Name]; {
		case !ok:
			t.Errorf("%s was never pulled: run make oracle oracle-crio oracle-old", s.Name)
		case record.Recipe != recipe:
			t.Errorf("%s has changed since it was pulled: run make oracle oracle-crio oracle-old", s.Name)
		case len(record.Local) == 0 || len(record.Transfer) == 0 && !old:
			t.Errorf("%s was pulled along one path only: run make oracle oracle-crio oracle-old", s.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(strays)) {
		t.Errorf("%s was pulled and is no scenario any more: run make oracle oracle-crio oracle-old", name)
	}
}

func readGolden(t *testing.T) golden.File {
	t.Helper()
	file, err := golden.Read("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	return file
}
