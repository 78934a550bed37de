package resolver

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// running is a cluster of one amd64 node for each runtime.
func running(runtimes ...string) func() []nodes.Node {
	var all []nodes.Node
	for _, runtime := range runtimes {
		all = append(all, nodes.FromObject(&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: runtime},
			Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{
				OperatingSystem: "linux", Architecture: "amd64", ContainerRuntimeVersion: runtime,
			}},
		}))
	}
	return func() []nodes.Node { return all }
}

// The runtimes that count are those of the nodes on which the Pod can land.
func TestRuntimesAreAskedFor(t *testing.T) {
	tests := []struct {
		name       string
		nodes      []string
		configured string
		node       string // to which the Pod is bound
		want       pull.Runtimes
	}{
		{"nothing known", nil, "", "", pull.Containerd},
		{"configured platforms alone", nil, "linux/amd64", "", pull.Containerd},
		{"containerd", []string{"containerd://2.4.2"}, "", "", pull.Containerd},
		{"an old one", []string{"containerd://1.7.20"}, "", "", pull.ContainerdLocal},
		{"an old one, and nodes that may come", []string{"containerd://1.7.20"}, "linux/arm64", "", pull.ContainerdLocal | pull.Containerd},
		{"an old one, and more of them", []string{"containerd://1.7.20"}, "linux/amd64", "", pull.ContainerdLocal},
		{"CRI-O", []string{"cri-o://1.36.1"}, "", "", pull.CRIO},
		{"both", []string{"containerd://2.4.2", "cri-o://1.36.1"}, "", "", pull.Containerd | pull.CRIO},
		{"the feasible one of both", []string{"containerd://2.4.2", "cri-o://1.36.1"}, "", "cri-o://1.36.1", pull.CRIO},
		{"no feasible one", []string{"cri-o://1.36.1"}, "", "elsewhere", pull.CRIO},
		{"no feasible one, and nodes that may come", []string{"containerd://2.4.2", "cri-o://1.36.1"}, "linux/arm64", "elsewhere", pull.CRIO | pull.Containerd},
		{"a new node beside", []string{"cri-o://1.36.1", ""}, "", "", pull.CRIO | pull.Containerd},
		{"docker beside", []string{"cri-o://1.36.1", "docker://28.0.4"}, "", "", pull.CRIO | pull.OtherRuntime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got pull.Runtimes
			resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
				got = query.Runtimes
				return nil
			}})
			resolver.Nodes = running(tt.nodes...)
			if tt.configured != "" {
				resolver.Platforms = []ocispec.Platform{platforms.MustParse(tt.configured)}
			}
			resolveOne(t, resolver, with(private, func(template *workload.Template) {
				if tt.node != "" {
					template.Spec.NodeName = tt.node
				}
			}))
			if got != tt.want {
				t.Errorf("%04b, want %04b", got, tt.want)
			}
		})
	}
}

// Configured runtimes are those of nodes that nobody can look at.
func TestConfiguredRuntimes(t *testing.T) {
	tests := []struct {
		nodes     []string
		runtimes  []string
		platforms string
		want      pull.Runtimes
	}{
		{nil, []string{"cri-o"}, "", pull.CRIO},
		{nil, []string{"cri-o", "containerd-local"}, "linux/arm64", pull.CRIO | pull.ContainerdLocal},
		{[]string{"containerd://2.4.2"}, []string{"cri-o"}, "", pull.Containerd | pull.CRIO},
		{[]string{"containerd://1.7.20"}, []string{"cri-o"}, "linux/arm64", pull.ContainerdLocal | pull.CRIO},
		{[]string{"cri-o://1.36.1"}, []string{"cri-o"}, "linux/arm64", pull.CRIO},
		{[]string{"cri-o://1.36.1"}, pull.RuntimeNames(), "", pull.Containerd | pull.ContainerdLocal | pull.CRIO},
	}
	for _, tt := range tests {
		var got pull.Runtimes
		resolver := newResolver(shop(nil), &registries{during: func(_ context.Context, query pull.Query) *pull.Finding {
			got = query.Runtimes
			return nil
		}})
		resolver.Nodes, resolver.Runtimes = running(tt.nodes...), pull.RuntimesNamed(tt.runtimes)
		if tt.platforms != "" {
			resolver.Platforms = []ocispec.Platform{platforms.MustParse(tt.platforms)}
		}
		resolveOne(t, resolver, deployment(nil, private))
		if got != tt.want {
			t.Errorf("nodes %q and %q, %s: %04b, want %04b", tt.nodes, tt.runtimes, tt.platforms, got, tt.want)
		}
	}
}

// What was found for one runtime says nothing of another.
func TestRuntimesBelongToTheCache(t *testing.T) {
	prober := answering(pull.ReasonPullable)
	resolver := newResolver(shop(nil), prober)
	resolver.Cache = NewCache(10, 1<<40)
	for i, runtime := range []string{"containerd://2.4.2", "cri-o://1.36.1", "containerd://2.3.1", "containerd://2.0.1"} {
		resolver.Nodes = running(runtime)
		resolveOne(t, resolver, deployment(nil, private))
		if want := []int{1, 1, 0, 1}[i]; len(prober.probes()) != want {
			t.Errorf("%s: not %d probes", runtime, want)
		}
	}
}

func TestShortNames(t *testing.T) {
	const enforcing = "short name mode is enforcing, but image name "
	containerd, crio, both := []string{"containerd://2.4.2"}, []string{"cri-o://1.36.1"}, []string{"containerd://2.4.2", "cri-o://1.36.1"}
	tests := []struct {
		image  string
		nodes  []string
		answer pull.Reason
		want   pull.Reason
		says   string // in the message, or in a note
	}{
		{"busybox", containerd, pull.TagNotFound, pull.TagNotFound, ""},
		{"busybox", crio, pull.TagNotFound, pull.RegistryError, enforcing + "busybox:latest returns"},
		{"busybox", crio, pull.ReasonPullable, pull.RegistryError, enforcing + "busybox:latest returns"},
		{"busybox:1", crio, pull.CredentialsRequired, pull.RegistryError, enforcing + "busybox:1 returns"},
		{"library/busybox:1", crio, pull.PlatformMismatch, pull.RegistryError, enforcing + "library/busybox:1 returns"},
		{"busybox@" + someDigest, crio, pull.DigestNotFound, pull.RegistryError, enforcing + "busybox@" + someDigest},
		{"Foo/bar:1", crio, pull.TagNotFound, pull.RegistryError, enforcing + "Foo/bar:1"},
		{"busybox", both, pull.TagNotFound, pull.RegistryError, enforcing},
		{"busybox", both, pull.ReasonPullable, pull.ReasonPullable, enforcing},
		{"busybox", []string{"docker://28.0.4"}, pull.TagNotFound, pull.TagNotFound, ""},
		{"busybox", []string{"docker://28.0.4"}, pull.ReasonPullable, pull.ReasonPullable, ""},
		{"busybox", crio, pull.RateLimited, pull.RateLimited, ""},
		{"docker.io/busybox", crio, pull.TagNotFound, pull.TagNotFound, ""},
		{"docker.io/library/busybox", crio, pull.ReasonPullable, pull.ReasonPullable, ""},
		{"localhost/busybox", crio, pull.TagNotFound, pull.TagNotFound, ""},
		{"host:5000/busybox", crio, pull.TagNotFound, pull.TagNotFound, ""},
		{private, crio, pull.ReasonPullable, pull.ReasonPullable, ""},
	}
	for _, tt := range tests {
		t.Run(tt.image+" "+strings.Join(tt.nodes, " ")+" "+string(tt.answer), func(t *testing.T) {
			prober := answering(tt.answer)
			prober.tags = map[string][]string{}
			for _, repository := range []string{"docker.io/library/busybox", "localhost/busybox", "host:5000/busybox"} {
				prober.tags[repository] = nil // everybody may read it
			}
			resolver := newResolver(shop(nil), prober)
			resolver.Nodes = running(tt.nodes...)
			result := resolveOne(t, resolver, deployment(nil, tt.image))
			wantReason(t, result, tt.want)
			said := result.Message
			for _, note := range result.Notes {
				said += note.Message
			}
			if !strings.Contains(said, tt.says) || tt.says == "" && strings.Contains(said, enforcing) {
				t.Errorf("%q is said, want %q in it", said, tt.says)
			}
			if noted := hasNote(result, pull.SomeNodesMismatch); noted != (tt.says != "" && tt.want == pull.ReasonPullable) {
				t.Errorf("a note of differing nodes: %t", noted)
			}
			if hinted := strings.Contains(result.Hint, "name the registry, too"); hinted != (tt.want == pull.RegistryError) {
				t.Errorf("hint %q", result.Hint)
			}
		})
	}
}

// A name that no kubelet parses, and a secret that none reads, never come to
// the runtime.
func TestRuntimesComeAfterTheKubelet(t *testing.T) {
	resolver := newResolver(shop(map[string]*corev1.Secret{"bad": secretOf(corev1.SecretTypeDockerConfigJson, `{"auths":{"x":{"auth":"!"}}}`)}), answering(pull.TagNotFound))
	resolver.Nodes = running("cri-o://1.36.1")
	wantReason(t, resolveOne(t, resolver, deployment(nil, "Busybox")), pull.InvalidImageName)
	wantReason(t, resolveOne(t, resolver, deployment([]string{"bad"}, "busybox")), pull.PullSecretMalformed)
}

// Where the kubelet hands over no user name, CRI-O looks into a file of its own.
func TestAuthFile(t *testing.T) {
	nobody := secretOf(corev1.SecretTypeDockerConfigJson, `{"auths":{"reg.example.com":{}}}`)
	secrets := map[string]*corev1.Secret{"nobody": nobody, "somebody": pullSecret("reg.example.com", "ann")}
	tests := []struct {
		name    string
		runtime string
		secrets []string
		known   bool
		listed  bool // the registry lists the repository's tags to who asks
		answer  pull.Reason
		want    pull.Reason
	}{
		{"containerd", "containerd://2.4.2", nil, false, false, pull.CredentialsRequired, pull.CredentialsRequired},
		{"nobody asks", "cri-o://1.36.1", nil, false, false, pull.CredentialsRequired, pull.NodeCredentialsUnknown},
		{"a user without a name asks", "cri-o://1.36.1", []string{"nobody"}, false, false, pull.CredentialsRequired, pull.NodeCredentialsUnknown},
		{"somebody asks", "cri-o://1.36.1", []string{"somebody"}, false, false, pull.CredentialsRejected, pull.CredentialsRejected},
		{"nobody asks docker", "docker://28.0.4", nil, false, false, pull.CredentialsRequired, pull.CredentialsRequired},
		{"nobody asks, and the file is known", "cri-o://1.36.1", nil, true, false, pull.CredentialsRequired, pull.CredentialsRequired},
		{"nobody may see it", "cri-o://1.36.1", nil, false, false, pull.TagNotFound, pull.NodeCredentialsUnknown},
		{"nobody would see it", "cri-o://1.36.1", nil, false, true, pull.TagNotFound, pull.TagNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prober := answering(tt.answer)
			if tt.listed {
				prober.tags = map[string][]string{"reg.example.com/app": {"2"}}
			}
			resolver := newResolver(shop(secrets), prober)
			resolver.Nodes, resolver.NodeConfig = running(tt.runtime), tt.known
			result := resolveOne(t, resolver, deployment(tt.secrets, "reg.example.com/app:1"))
			wantReason(t, result, tt.want)
			if hinted := strings.Contains(result.Hint, "global_auth_file"); hinted != (tt.want == pull.NodeCredentialsUnknown) {
				t.Errorf("hint %q", result.Hint)
			}
		})
	}
}

// Where nobody is asked for a credential, it makes no difference what nodes hold.
func TestAuthFileIsNotAskedFor(t *testing.T) {
	for _, reason := range []pull.Reason{pull.CredentialsRequired, pull.TagNotFound} {
		prober := &registries{during: func(context.Context, pull.Query) *pull.Finding { return &pull.Finding{Reason: reason, Unasked: true} }}
		resolver := newResolver(shop(nil), prober)
		resolver.Nodes = running("cri-o://1.36.1")
		result := resolveOne(t, resolver, deployment(nil, "reg.example.com/app:1"))
		wantReason(t, result, reason)
		if strings.Contains(result.Hint, "global_auth_file") {
			t.Errorf("hint %q", result.Hint)
		}
	}
}
