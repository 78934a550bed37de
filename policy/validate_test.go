package policy

import (
	"net/netip"
	"slices"
	"testing"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name, file string
		want       []string
	}{
		{"mode", "mode: strict", []string{`mode: Unsupported value: "strict"`, `"enforce"`, `"off"`}},
		{"mode in capitals", "mode: Enforce", []string{`mode: Unsupported value: "Enforce"`}},
		{"onUnknown", "onUnknown: audit", []string{`onUnknown: Unsupported value: "audit"`, `"allow"`}},
		{"dryRunMode", "dryRunMode: none", []string{`dryRunMode: Unsupported value: "none"`}},
		{"depth", "depth: blobs", []string{`depth: Unsupported value: "blobs"`, `"layers"`}},
		{"rule's mode", "rules: [{mode: warn}, {mode: deny}]", []string{`rules[1].mode: Unsupported value: "deny"`}},
		{"rule without a mode", "rules: [{namespaces: [a]}]", []string{"rules[0].mode: Required value", "enforce", "off"}},
		{"rule that is null", "rules: [~]", []string{"rules[0].mode: Required value"}},
		{"rule's reason", "rules: [{mode: warn, reasons: [TagNotFound, Missing]}]", []string{`rules[0].reasons[1]: Unsupported value: "Missing"`, `"RateLimited"`}},
		{"rule's empty reason", "rules: [{mode: warn, reasons: ['']}]", []string{"rules[0].reasons[0]: Required value", "TagNotFound"}},
		{"rule's empty namespace", "rules: [{mode: warn, namespaces: [a, '']}]", []string{"rules[0].namespaces[1]: Required value", "glob"}},
		{"rule's empty image", "rules: [{mode: warn, images: ['']}]", []string{"rules[0].images[0]: Required value"}},
		{"exempt namespace", "exempt: {namespaces: ['']}", []string{"exempt.namespaces[0]: Required value"}},
		{"exempt image", "exempt: {images: ['']}", []string{"exempt.images[0]: Required value"}},
		{"exempt user", "exempt: {users: ['']}", []string{"exempt.users[0]: Required value"}},
		{"workload without a group", "workloads: [{kind: Rollout, podTemplates: [spec.template]}]", []string{"workloads[0]: Invalid value: group: empty"}},
		{"workload's path", "workloads: [{group: a.io, kind: Rollout, podTemplates: ['spec..template']}]", []string{"workloads[0]: Invalid value: podTemplates[0]"}},
		{"several workloads", "workloads: [{group: a.io, kind: A, podTemplates: [spec]}, {kind: B}, {group: c.io, kind: C}]",
			[]string{"workloads[1]: Invalid value: group", "workloads[2]: Invalid value: podTemplates"}},
		{"note that is not optional", "notes: [UnpinnedTag, WrongArchitecture]", []string{`notes[1]: Unsupported value: "WrongArchitecture"`, `"UnpinnedTag"`}},
		{"empty note", "notes: ['']", []string{"notes[0]: Required value", "UnpinnedTag"}},
		{"notes that are no list", "notes: UnpinnedTag", []string{"notes (line 3): UnpinnedTag stands where a list is expected"}},
		{"denied address and port", "registries: {denyAddresses: [10.0.0.0], denyPorts: [6443, 70000]}", []string{`registries.denyAddresses[0]: Invalid value: "10.0.0.0"`, "registries.denyPorts[1]: Invalid value: 70000"}},
		{"allowed address", "registries: {allowAddresses: [10.0.0.0/8, 10.0.0.1]}", []string{`registries.allowAddresses[1]: Invalid value: "10.0.0.1"`, "CIDR"}},
		{"platform", "nodes: {platforms: [linux/amd64, 'linux/amd64/v1/x']}", []string{"nodes.platforms[1]: Invalid value", "linux/arm64"}},
		{"runtime", "nodes: {runtimes: [cri-o, docker]}", []string{`nodes.runtimes[1]: Unsupported value: "docker"`, `"containerd-local"`}},
		{"profiles' namespace", "nodes: {profilesNamespace: Pull_Gate}", []string{"nodes.profilesNamespace: Invalid value"}},
		{"profile", "nodes: {profiles: [a.yaml, '']}", []string{"nodes.profiles[1]: Required value"}},
		{"cloud", "nodes: {cloudCredentials: [gcp]}", []string{`nodes.cloudCredentials[0]: Unsupported value: "gcp"`, `"google"`}},
		{"hidden host", "nodes: {hiddenCredentials: ['']}", []string{"nodes.hiddenCredentials[0]: Required value"}},
		{"providers without programs", "nodes: {credentialProviders: {config: a.yaml}}", []string{"nodes.credentialProviders.binDir: Required value"}},
		{"providers without configuration", "nodes: {credentialProviders: {binDir: /opt}}", []string{"nodes.credentialProviders.config: Required value"}},
		{"life of answers", "cache: {positiveTTL: -1s}", []string{"cache.positiveTTL: Invalid value", "negative"}},
		{"number of answers", "cache: {size: -1}", []string{"cache.size: Invalid value: -1"}},
		{"audit's interval", "audit: {interval: 9m}", []string{"audit.interval: Invalid value", "less than 10m"}},
		{"audit's budget", "audit: {requestsPerHour: 9}", []string{"audit.requestsPerHour: Invalid value: 9"}},
		{"what is accepted", "audit: {accepted: [{until: 2026-12-31}, {until: soon, images: [''], namespaces: ['']}, {images: [a]}]}",
			[]string{"audit.accepted[1].until: Invalid value", "accepted[1].images[0]: Required", "accepted[1].namespaces[0]: Required", "audit.accepted[2].until"}},
		{"a registry's budget", "audit: {registries: [{host: a.io, requestsPerHour: 10}, {requestsPerHour: 1}]}",
			[]string{"audit.registries[1].host: Required value", "audit.registries[1].requestsPerHour: Invalid value: 1"}},
		{"every problem at once", "mode: a\ndepth: b\ncache: {size: -1}", []string{"mode:", "depth:", "cache.size:"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse([]byte(header + test.file + "\n"))
			wantProblem(t, err, test.want...)
		})
	}
}

func TestAllowedNetworks(t *testing.T) {
	c, err := Parse([]byte(header + "registries: {allowAddresses: [127.0.0.1/8, '::1/128']}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if got := c.AllowedNetworks(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
