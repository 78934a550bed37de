package nodeprofile

import "slices"

// place is where a distribution has its settings.
type place struct {
	distribution string
	containerd   string // its config.toml
	registries   string // its registries.yaml, of k3s' format
	kubelet      string // the kubelet's own folder
	providers    string // its CredentialProviderConfig
	environment  []string
	settings     string // the file of k3s' and RKE2's own settings
}

// places are those that are known, the usual one last.
func places() []place {
	const k3s, rke2 = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml", "/var/lib/rancher/rke2/agent/etc/containerd/config.toml"
	const plugins = "/var/lib/rancher/credentialprovider/config.yaml"
	const ownFolder = "/var/lib/kubelet"
	const snap = "/var/snap/microk8s/current/args/"
	return []place{
		{"k3s", k3s, "/etc/rancher/k3s/registries.yaml", ownFolder, plugins, []string{"/etc/systemd/system/k3s.service.env", "/etc/systemd/system/k3s-agent.service.env"}, "/etc/rancher/k3s/config.yaml"},
		{"rke2", rke2, "/etc/rancher/rke2/registries.yaml", ownFolder, plugins, []string{"/etc/default/rke2-server", "/etc/default/rke2-agent"}, "/etc/rancher/rke2/config.yaml"},
		{"microk8s", snap + "containerd.toml", "", "/var/snap/microk8s/common/var/lib/kubelet", "", []string{snap + "containerd-env"}, ""},
		{"kind", "/etc/containerd/config.toml", "", ownFolder, "", nil, ""},
		{"talos", "/etc/cri/containerd.toml", "", ownFolder, "/etc/kubernetes/kubelet-credentialproviderconfig.yaml", nil, ""},
		{"k0s", "/etc/k0s/containerd.toml", "", "/var/lib/k0s/kubelet", "", nil, ""},
		{"openshift", "", "", ownFolder, "", []string{"/etc/mco/proxy.env"}, ""},
		{"", "/etc/containerd/config.toml", "", ownFolder, "", nil, ""},
	}
}

// findPlace finds out whose node it is.
func findPlace(r *root) place {
	all := places()
	for _, one := range all {
		signs := map[string][]string{
			"k3s":  {one.containerd, one.registries, one.settings, "/etc/systemd/system/k3s.service", "/etc/systemd/system/k3s-agent.service"},
			"rke2": {one.containerd, one.registries, one.settings}, "microk8s": {one.containerd}, "talos": {one.containerd}, "k0s": {one.containerd},
			"kind": {"/kind/version"}, "openshift": {"/etc/machine-config-daemon", "/etc/mco"},
		}[one.distribution]
		if slices.ContainsFunc(signs, r.exists) {
			return one
		}
	}
	return all[len(all)-1]
}
