package resolver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

func resolveName(t *testing.T, image string) reference.Named {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		t.Fatal(err)
	}
	return named
}

// with is the deployment of one image, changed.
func with(image string, change func(*workload.Template)) workload.Workload {
	w := deployment(nil, image)
	change(&w.Templates[0])
	return w
}

func TestPresentOnNodes(t *testing.T) {
	cluster := []nodes.Node{
		nodeWith("a", "linux", "amd64"),
		nodeWith("b", "linux", "amd64", "reg.example.com/app@"+someDigest, private, "docker.io/library/nginx:1"),
	}
	policy := func(policy corev1.PullPolicy, node string) func(*workload.Template) {
		return func(t *workload.Template) {
			t.Images[0].Policy = policy
			if node != "" {
				t.Spec.NodeSelector = map[string]string{"name": node}
			}
		}
	}
	tests := []struct {
		name   string
		image  string
		change func(*workload.Template)
		answer pull.Reason
		want   pull.Reason
	}{
		{"not found, but there", private, policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.PresentOnNodes},
		{"refused, but there", private, policy(corev1.PullIfNotPresent, "b"), pull.CredentialsRequired, pull.PresentOnNodes},
		{"mismatching, but there", private, policy(corev1.PullIfNotPresent, ""), pull.PlatformMismatch, pull.PresentOnNodes},
		{"the digest is there", "reg.example.com/app:9@" + someDigest, policy(corev1.PullIfNotPresent, ""), pull.DigestNotFound, pull.PresentOnNodes},
		{"an ID, which nodes do not list", someDigest, policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.RegistryError},
		{"the beginning of an ID", someDigest[:19], policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.RegistryError},
		{"a tag that is none", "sha256:latest", policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.TagNotFound},
		{"an ID that is pulled all the same", someDigest, policy(corev1.PullAlways, ""), pull.TagNotFound, pull.TagNotFound},
		{"by its short name", "nginx:1", policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.PresentOnNodes},
		{"there where the Pod cannot land", private, policy(corev1.PullIfNotPresent, "a"), pull.TagNotFound, pull.TagNotFound},
		{"the Pod can land on no node yet", private, policy(corev1.PullIfNotPresent, "c"), pull.TagNotFound, pull.PresentOnNodes},
		{"another tag is there", "reg.example.com/app:2", policy(corev1.PullIfNotPresent, ""), pull.TagNotFound, pull.TagNotFound},
		{"always pulled", private, policy(corev1.PullAlways, ""), pull.TagNotFound, pull.TagNotFound},
		{"an unknown policy", private, policy("Sometimes", ""), pull.TagNotFound, pull.TagNotFound},
		{"pullable is pullable", private, policy(corev1.PullIfNotPresent, ""), pull.ReasonPullable, pull.ReasonPullable},
		{"unknown stays what it is", private, policy(corev1.PullIfNotPresent, ""), pull.RateLimited, pull.RateLimited},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			resolver := newResolver(shop(nil), answering(test.answer))
			resolver.Nodes = func() []nodes.Node { return cluster }
			result := resolveOne(t, resolver, with(test.image, test.change))
			wantReason(t, result, test.want)
			if test.want != pull.PresentOnNodes {
				return
			}
			lent := strings.Contains(result.Summary, "node b has it, but only for Pods with the pull secret that pulled it")
			if !strings.Contains(result.Summary, "node b has it") || lent == strings.Contains(test.name, "short") || result.Hint == "" {
				t.Errorf("summary %q, hint %q", result.Summary, result.Hint)
			}
		})
	}
}

// CRI-O finds for a short name what its registries.conf says, on the node, too.
func TestShortNamePresent(t *testing.T) {
	for _, test := range []struct {
		image, runtime string
		want           pull.Reason
	}{
		{"tools/app:1", "cri-o", pull.PresentOnNodes},
		{"app:1", "cri-o", pull.PresentOnNodes},
		{"app:2", "cri-o", pull.TagNotFound},
		{"pp:1", "cri-o", pull.TagNotFound},
		{"docker.io/tools/app:1", "cri-o", pull.TagNotFound},
		{"app:1", "containerd", pull.TagNotFound},
	} {
		node := nodeWith("a", "linux", "amd64", "quay.io/team/tools/app:1")
		node.Runtime = test.runtime
		resolver := newResolver(shop(nil), answering(pull.TagNotFound))
		resolver.RegistriesKnown, resolver.NodeConfig, resolver.Nodes = true, true, func() []nodes.Node { return []nodes.Node{node} }
		w := with(test.image, func(t *workload.Template) { t.Images[0].Policy = corev1.PullIfNotPresent })
		wantReason(t, resolveOne(t, resolver, w), test.want)
	}
}

// What would be the matter elsewhere is said as it is, once.
func TestWordsOfPresentOnNodes(t *testing.T) {
	malformed := shop(map[string]*corev1.Secret{"a": secretOf(corev1.SecretTypeDockerConfigJson, "{")})
	for _, test := range []struct {
		from   *objects
		answer pull.Reason
		says   string
	}{
		{shop(nil), pull.TagNotFound, "tag not found; node b has it"},
		{shop(nil), pull.PlatformMismatch, "no image for the nodes' platforms; node b has it"},
		{shop(nil), pull.CredentialsRequired, "reg.example.com would refuse it; node b has it"},
		{malformed, "", "pull secret shop/a makes the kubelet fail every pull of the Pod: unexpected end of JSON input; node b has it"},
	} {
		resolver := newResolver(test.from, answering(test.answer))
		resolver.Nodes = func() []nodes.Node { return []nodes.Node{nodeWith("b", "linux", "amd64", private)} }
		w := deployment([]string{"a"}, private)
		w.Templates[0].Images[0].Policy = corev1.PullIfNotPresent
		result := resolveOne(t, resolver, w)
		wantReason(t, result, pull.PresentOnNodes)
		if !strings.HasPrefix(result.Message, test.says) || strings.Count(result.Message, "JSON") > 1 {
			t.Errorf("%q, want %q first", result.Message, test.says)
		}
	}
}

// answering is a registry that answers everything alike.
func answering(reason pull.Reason) *registries {
	return &registries{during: func(context.Context, pull.Query) *pull.Finding {
		return &pull.Finding{Reason: reason, Detail: "so it is"}
	}}
}

func TestNeverPulled(t *testing.T) {
	never := func(t *workload.Template) { t.Images[0].Policy = corev1.PullNever }
	prober := answering(pull.ReasonPullable)
	resolver := newResolver(shop(nil), prober)
	result := resolveOne(t, resolver, with(private, never))
	wantReason(t, result, pull.NeverPresent)
	if !strings.Contains(result.Node, `Container image "`+private+`" is not present with pull policy of Never`) || result.Hint == "" {
		t.Errorf("node says %q, hint %q", result.Node, result.Hint)
	}
	resolver.Nodes = func() []nodes.Node { return []nodes.Node{nodeWith("a", "linux", "amd64", private)} }
	wantReason(t, resolveOne(t, resolver, with(private, never)), pull.ReasonPullable)
	pulled := nodeWith("b", "linux", "amd64", "reg.example.com/app@"+someDigest, private)
	resolver.Nodes = func() []nodes.Node { return []nodes.Node{pulled} }
	result = resolveOne(t, resolver, with(private, never))
	wantReason(t, result, pull.PresentOnNodes)
	if !strings.Contains(result.Message, "node b has it, but only for") || result.Hint == "" || result.Verdict != pull.Unknown {
		t.Errorf("result %+v", result)
	}
	loaded := nodeWith("c", "linux", "amd64", private) // is as good for every Pod
	resolver.Nodes = func() []nodes.Node { return []nodes.Node{pulled, loaded} }
	result = resolveOne(t, resolver, with(private, never))
	wantReason(t, result, pull.ReasonPullable)
	if !strings.HasSuffix(result.Message, "; node c has it and uses it as it is") {
		t.Errorf("message %q", result.Message)
	}
	wantReason(t, resolveOne(t, resolver, with("reg.example.com/App:1", never)), pull.InvalidImageName)
	wantProbes(t, prober, 0)
}

// The platforms that count are those of the nodes on which the Pod can land,
// and those of nodes that may come.
func TestPlatforms(t *testing.T) {
	cluster := []nodes.Node{nodeWith("a", "linux", "amd64"), nodeWith("b", "linux", "arm64"), nodeWith("c", "linux", "amd64")}
	silent := nodes.Node{Name: "d", Labels: map[string]string{"name": "d"}}
	tests := []struct {
		name       string
		nodes      []nodes.Node
		configured string
		selector   string
		want       []string
	}{
		{"nothing known", nil, "", "", nil},
		{"live ones", cluster, "", "", []string{"linux/amd64", "linux/arm64"}},
		{"those that are feasible", cluster, "", "b", []string{"linux/arm64"}},
		{"configured ones", nil, "linux/arm64", "", []string{"linux/arm64"}},
		{"both, each once", cluster, "linux/arm64/v8 windows/amd64", "", []string{"linux/amd64", "linux/arm64", "windows/amd64"}},
		{"a configured one beside a feasible one", cluster, "linux/amd64", "b", []string{"linux/arm64", "linux/amd64"}},
		{"none feasible yet", cluster, "linux/s390x", "z", []string{"linux/s390x"}},
		{"one that does not tell", append(slices.Clone(cluster), silent), "linux/s390x", "", nil},
		{"one that does not tell, elsewhere", append(slices.Clone(cluster), silent), "", "b", []string{"linux/arm64"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []ocispec.Platform
			resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
				got = query.Platforms
				return &pull.Finding{Reason: pull.ReasonPullable}
			}})
			resolver.Nodes = func() []nodes.Node { return test.nodes }
			for _, platform := range strings.Fields(test.configured) {
				resolver.Platforms = append(resolver.Platforms, platforms.MustParse(platform))
			}
			for range 2 { // the second time from memory
				got = nil
				resolveOne(t, resolver, with(private, func(t *workload.Template) {
					if test.selector != "" {
						t.Spec.NodeSelector = map[string]string{"name": test.selector}
					}
				}))
				var names []string
				for _, platform := range got {
					names = append(names, platforms.Format(platform))
				}
				if !slices.Equal(names, test.want) {
					t.Errorf("platforms %v, want %v", names, test.want)
				}
			}
		})
	}
}

// A Node that joins or leaves counts from the next check on.
func TestPlatformsFollowTheNodes(t *testing.T) {
	var got string
	resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
		got = formatted(query.Platforms)
		return &pull.Finding{Reason: pull.ReasonPullable}
	}})
	for _, cluster := range [][]nodes.Node{
		{nodeWith("a", "linux", "amd64")},
		{nodeWith("a", "linux", "amd64"), nodeWith("b", "linux", "arm64")},
		{nodeWith("a", "linux", "arm64"), nodeWith("b", "linux", "arm64")},
		nil,
		{nodeWith("w", "windows", "amd64")},
	} {
		resolver.Nodes = func() []nodes.Node { return cluster }
		resolveOne(t, resolver, deployment(nil, private))
		if want := formatted(nodes.Platforms(cluster)); got != want {
			t.Errorf("platforms %q, want %q", got, want)
		}
	}
}

// formatted names platforms.
func formatted(all []ocispec.Platform) string {
	var names []string
	for _, platform := range all {
		names = append(names, platforms.FormatAll(platform))
	}
	return strings.Join(names, ",")
}

// A DaemonSet's Pods land by rules of their own.
func TestDaemonSetIsPassedOn(t *testing.T) {
	tainted := nodeWith("a", "linux", "arm64")
	tainted.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
	for kind, want := range map[string]string{"DaemonSet": "", "Deployment": "linux/arm64"} {
		var got []ocispec.Platform
		resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
			got = query.Platforms
			return &pull.Finding{Reason: pull.ReasonPullable}
		}})
		resolver.Nodes = func() []nodes.Node { return []nodes.Node{tainted} }
		w := with(private, func(t *workload.Template) { t.Spec.NodeName = "a" })
		w.Object.Kind = kind
		resolveOne(t, resolver, w)
		if names := formatted(got); names != want {
			t.Errorf("%s: platforms %q, want %q", kind, names, want)
		}
	}
}

// Nodes of k3s and RKE2 may have mirrors and credentials of their own: until
// their settings are known, a refusal is none. One that comes of the image alone
// stands.
func TestSettingsOfNodesAreUnknown(t *testing.T) {
	k3s := nodeWith("a", "linux", "amd64")
	k3s.Registries = true
	plain := nodeWith("b", "linux", "amd64")
	for _, test := range []struct {
		name    string
		answer  pull.Reason
		cluster []nodes.Node
		known   bool
		want    pull.Reason
	}{
		{"a tag", pull.TagNotFound, []nodes.Node{k3s}, false, pull.NodeCredentialsUnknown},
		{"a refusal", pull.CredentialsRequired, []nodes.Node{k3s, plain}, false, pull.NodeCredentialsUnknown},
		{"a platform", pull.PlatformMismatch, []nodes.Node{k3s}, false, pull.PlatformMismatch},
		{"what is known of them", pull.TagNotFound, []nodes.Node{k3s}, true, pull.TagNotFound},
		{"other nodes", pull.TagNotFound, []nodes.Node{plain}, false, pull.TagNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			resolver := newResolver(shop(nil), answering(test.answer))
			resolver.Nodes, resolver.HostsKnown = func() []nodes.Node { return test.cluster }, test.known
			wantReason(t, resolveOne(t, resolver, deployment(nil, private)), test.want)
		})
	}
}

// A profile makes them known, of the nodes that have it; a query says which those
// are.
func TestProfilesOfNodes(t *testing.T) {
	k3s := nodeWith("a", "linux", "amd64")
	k3s.Registries = true
	other, plain := k3s, nodeWith("b", "linux", "amd64")
	other.Name = "c"
	a, general := nodes.Profile{Name: "a.yaml", Nodes: []string{"a"}, Runtimes: pull.ContainerdLocal}, nodes.Profile{Name: "all.yaml", Runtimes: pull.CRIO}
	for _, test := range []struct {
		name     string
		profiles []nodes.Profile
		cluster  []nodes.Node
		want     pull.Reason
		asked    []string
		runtimes pull.Runtimes
	}{
		{"of the node", []nodes.Profile{a}, []nodes.Node{k3s}, pull.TagNotFound, []string{"a.yaml"}, pull.Containerd},
		{"of one node", []nodes.Profile{a}, []nodes.Node{k3s, other}, pull.NodeCredentialsUnknown, []string{"", "a.yaml"}, pull.Containerd},
		{"of all nodes", []nodes.Profile{a, general}, []nodes.Node{k3s, other}, pull.TagNotFound, []string{"a.yaml", "all.yaml"}, pull.Containerd},
		{"beside one without need", []nodes.Profile{a}, []nodes.Node{k3s, plain}, pull.TagNotFound, []string{"", "a.yaml"}, pull.Containerd},
		{"no node", []nodes.Profile{a, general}, nil, pull.TagNotFound, []string{"a.yaml", "all.yaml"}, pull.ContainerdLocal | pull.CRIO},
	} {
		t.Run(test.name, func(t *testing.T) {
			var asked pull.Query
			resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
				asked = query
				return &pull.Finding{Reason: pull.TagNotFound}
			}})
			resolver.Nodes, resolver.NodeConfig = func() []nodes.Node { return test.cluster }, true
			resolver.Profiles = func() []nodes.Profile { return test.profiles }
			wantReason(t, resolveOne(t, resolver, deployment(nil, private)), test.want)
			if !slices.Equal(asked.Profiles, test.asked) || asked.Runtimes != test.runtimes {
				t.Errorf("asked for profiles %q and runtimes %04b", asked.Profiles, asked.Runtimes)
			}
		})
	}
}

// What was found for nodes of one profile says nothing of others.
func TestProfilesBelongToTheCache(t *testing.T) {
	prober := answering(pull.ReasonPullable)
	resolver := newResolver(shop(nil), prober)
	resolver.Cache = NewCache(10, 1<<40)
	profiles := []nodes.Profile{{Name: "a", Nodes: []string{"a"}}, {Name: "b", Nodes: []string{"b"}}}
	resolver.Profiles = func() []nodes.Profile { return profiles }
	for i, name := range []string{"a", "b", "a", "c"} {
		cluster := []nodes.Node{nodeWith(name, "linux", "amd64")}
		resolver.Nodes = func() []nodes.Node { return cluster }
		resolveOne(t, resolver, deployment(nil, private))
		if want := []int{1, 1, 0, 1}[i]; len(prober.probes()) != want {
			t.Errorf("%s: not %d probes", name, want)
		}
	}
}
