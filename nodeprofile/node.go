package nodeprofile

import (
	"cmp"
	"slices"
	"strings"
)

// Read reads the profile of a node from its file system, or a copy of it, at
// dir. What is not there is left out, and what cannot be read is said in the
// profile. Version is that of the container runtime, which no file tells; it
// may be empty.
func Read(dir, version string) *Profile {
	r := &root{dir: dir}
	home := findPlace(r)
	p := &Profile{APIVersion: APIVersion, Kind: Kind, Distribution: home.distribution, Runtime: Runtime{Version: version}}
	flags := readKubelet(r, p, home)
	home = home.moved(flags)
	if runsDocker(flags) {
		r.problem("the node", "it pulls by Docker, whose settings are not read")
	}
	switch {
	case runsCRIO(r, flags["container-runtime-endpoint"], home):
		readCRIO(r, p)
	case home.distribution != "" || r.exists(home.containerd) || hasContainerd(r):
		settings := readContainerd(r, containerdFile(r, home))
		settings.apply(r, p)
		addRancher(r, p, home.registries)
	}
	p.Credentials = append(p.Credentials, readDockerConfig(r, cmp.Or(flags["root-dir"], home.kubelet), "/root/.docker", "/.docker", "/root", "/")...)
	p.Credentials = slices.Compact(sorted(p.Credentials))
	p.Authorities = extraAuthorities(r)
	p.Proxies = readProxies(r, services(home))
	slices.SortFunc(p.Registries, func(a, b Registry) int { return cmp.Compare(a.Host, b.Host) })
	p.Problems = r.problems
	return p
}

// runsCRIO tells whether the node's runtime is CRI-O: by the kubelet's flag,
// else by what is there.
func runsCRIO(r *root, endpoint string, home place) bool {
	if endpoint != "" {
		return strings.Contains(endpoint, "crio")
	}
	return home.distribution == "openshift" ||
		home.distribution == "" && r.exists("/etc/crio") && !r.exists(home.containerd)
}

// runsDocker tells whether Docker is between the kubelet and containerd.
func runsDocker(flags map[string]string) bool {
	docker, given := flags["docker"]
	return given && docker != "false" || strings.Contains(flags["container-runtime-endpoint"], "dockerd")
}

// hasContainerd tells whether there is one that goes by its defaults.
func hasContainerd(r *root) bool {
	return slices.ContainsFunc([]string{"/usr/bin/containerd", "/usr/local/bin/containerd", "/usr/lib/systemd/system/containerd.service",
		"/lib/systemd/system/containerd.service", "/etc/systemd/system/containerd.service"}, r.exists)
}

// sorted puts credentials in the same order every time.
func sorted(all []Credential) []Credential {
	slices.SortFunc(all, func(a, b Credential) int {
		return cmp.Or(cmp.Compare(a.Registry, b.Registry), cmp.Compare(a.From, b.From), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return all
}
