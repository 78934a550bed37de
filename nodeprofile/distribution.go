package nodeprofile

import (
	"path"
	"slices"

	"sigs.k8s.io/yaml"
)

// findPlace is where a distribution has its settings.
type place struct {
	distribution string
	containerd   string // its config.toml
	registries   string // its registries.yaml, of k3s' format
	kubelet      string // the kubelet's own folder
	providers    string // its CredentialProviderConfig
	environment  []string
}

// places are those that are known, the usual one last.
func places() []place {
	const k3s, rke2 = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml", "/var/lib/rancher/rke2/agent/etc/containerd/config.toml"
	const plugins = "/var/lib/rancher/credentialprovider/config.yaml"
	const ownFolder = "/var/lib/kubelet"
	const snap = "/var/snap/microk8s/current/args/"
	return []place{
		{"k3s", k3s, "/etc/rancher/k3s/registries.yaml", ownFolder, plugins, []string{"/etc/systemd/system/k3s.service.env", "/etc/systemd/system/k3s-agent.service.env"}},
		{"rke2", rke2, "/etc/rancher/rke2/registries.yaml", ownFolder, plugins, []string{"/etc/default/rke2-server", "/etc/default/rke2-agent"}},
		{"microk8s", snap + "containerd.toml", "", "/var/snap/microk8s/common/var/lib/kubelet", "", []string{snap + "containerd-env"}},
		{"kind", "/etc/containerd/config.toml", "", ownFolder, "", nil},
		{"openshift", "", "", ownFolder, "", []string{"/etc/mco/proxy.env"}},
		{"", "/etc/containerd/config.toml", "", ownFolder, "", nil},
	}
}

// findPlace finds out whose node it is.
func findPlace(r *root) place {
	all := places()
	for _, one := range all {
		signs := map[string][]string{
			"k3s":  {one.containerd, one.registries, "/etc/systemd/system/k3s.service", "/etc/systemd/system/k3s-agent.service"},
			"rke2": {one.containerd, one.registries}, "microk8s": {one.containerd},
			"kind": {"/kind/version"}, "openshift": {"/etc/machine-config-daemon", "/etc/mco"},
		}[one.distribution]
		if slices.ContainsFunc(signs, r.exists) {
			return one
		}
	}
	return all[len(all)-1]
}

// rancherFile is registries.yaml of k3s and RKE2 (rancher/wharfie
// pkg/registries/types.go).
type rancherFile struct {
	Mirrors map[string]struct {
		Endpoint []string          `json:"endpoint"`
		Rewrite  map[string]string `json:"rewrite"`
	} `json:"mirrors"`
	Configs map[string]struct {
		Auth map[string]any `json:"auth"`
		TLS  map[string]any `json:"tls"`
	} `json:"configs"`
}

// addRancher reads registries.yaml, of which the node makes its containerd's
// configuration when it starts. What is there already counts; the rest is read
// here.
func addRancher(r *root, p *Profile, name string) {
	data := r.read(name)
	if data == nil {
		return
	}
	var file rancherFile
	if yaml.Unmarshal(data, &file) != nil {
		r.problem(name, "is no registries.yaml")
		return
	}
	tlsOf := func(host string) tree { return file.Configs[host].TLS }
	made := func(registry string) bool {
		return slices.ContainsFunc(p.Registries, func(known Registry) bool { return known.Host == registry })
	}
	for _, registry := range sortedKeys(file.Mirrors) {
		mirror := file.Mirrors[registry]
		if made(registry) || registry == "*" && made(anyHost) {
			continue
		}
		one := fromEndpoints(r, registry, mirror.Endpoint, tlsOf)
		for i := range one.Hosts {
			one.Hosts[i].Rewrite = mirror.Rewrite
		}
		p.Registries = append(p.Registries, one)
	}
	for _, host := range sortedKeys(file.Configs) {
		config := file.Configs[host]
		if len(config.TLS) > 0 && !made(host) {
			p.Registries = append(p.Registries, Registry{Host: host, Server: withTLS(r, Host{}, config.TLS)})
		}
		if len(config.Auth) > 0 {
			p.Credentials = append(p.Credentials, credentialOf(host, path.Clean(name), config.Auth))
		}
	}
}
