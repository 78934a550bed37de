package nodeprofile

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// defaultHostsPath is containerd's config_path since 2.2, on Linux
// (internal/cri/config/config_unix.go).
var defaultHostsPath = []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"}

// containerdSettings are the image part of containerd's CRI plugin, whatever the
// version of the file.
type containerdSettings struct {
	file     string // that is read first
	registry tree
	sandbox  string
	localFor string // the setting that takes the local path; empty: none
}

// containerdFile is the file of settings by which containerd goes: that of its
// unit, where it is a service of its own and its unit names one.
func containerdFile(r *root, home place) string {
	if home.distribution != "" && home.distribution != "kind" {
		return home.containerd
	}
	file := home.containerd
	for _, text := range unitTexts(r, []string{"containerd"}) {
		words := strings.Fields(strings.ReplaceAll(text, "--config=", "--config "))
		for i, word := range words[:max(len(words)-1, 0)] {
			if word == "--config" || word == "-c" {
				file = strings.Trim(words[i+1], `"'`)
			}
		}
	}
	return file
}

// readContainerd reads a configuration with what it imports.
func readContainerd(r *root, file string) containerdSettings {
	merged, version := importAll(r, file)
	s := containerdSettings{file: file}
	images := merged.at("plugins", "io.containerd.cri.v1.images")
	switch version {
	case 0, 1:
		images = merged.at("plugins", "cri")
	case 2:
		images = merged.at("plugins", "io.containerd.grpc.v1.cri")
	default:
		s.sandbox = images.at("pinned_images").text("sandbox")
	}
	s.registry = images.at("registry")
	s.sandbox = cmp.Or(s.sandbox, images.text("sandbox_image"))
	s.localFor = localFor(images, version)
	return s
}

// localFor names the setting for which containerd from 2.1 on pulls by its local
// path (internal/cri/config/config.go, CheckLocalImagePullConfigs).
func localFor(images tree, version int64) string {
	snapshots, registry := images, images.at("registry")
	if version < 3 { // of which containerd's migration keeps these two
		snapshots = images.at("containerd")
	}
	annotations, given := snapshots["disable_snapshot_annotations"].(bool)
	downloads, bounded := images["max_concurrent_downloads"].(int64)
	for _, setting := range []struct {
		name  string
		there bool
	}{
		{"use_local_image_pull", images.flag("use_local_image_pull")},
		{"disable_snapshot_annotations", given && !annotations},
		{"discard_unpacked_layers", snapshots.flag("discard_unpacked_layers")},
		{"registry.mirrors", len(registry.at("mirrors")) > 0},
		{"registry.configs", len(registry.at("configs")) > 0},
		{"registry.auths", len(registry.at("auths")) > 0},
		{"max_concurrent_downloads", bounded && downloads != 3},
		{"image_pull_with_sync_fs", images.flag("image_pull_with_sync_fs")},
	} {
		if setting.there {
			return setting.name
		}
	}
	return ""
}

// importAll reads a file and then what it imports, which takes precedence
// (cmd/containerd/server/config/config.go, LoadConfigWithPlugins). The version
// is that of the first file.
func importAll(r *root, file string) (merged tree, version int64) {
	merged = tree{}
	seen := map[string]bool{}
	for pending := []string{file}; len(pending) > 0; {
		name := pending[0]
		pending = pending[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		read := r.parseTOML(name)
		if len(seen) == 1 {
			version, _ = read["version"].(int64)
		}
		for _, imported := range read.texts("imports") {
			if !path.IsAbs(imported) {
				imported = path.Join(path.Dir(name), imported)
			}
			pending = append(pending, r.glob(path.Dir(imported), path.Base(imported))...)
		}
		merged.merge(read)
	}
	return merged, version
}

// apply puts into a profile what containerd's settings come to.
func (s *containerdSettings) apply(r *root, p *Profile) {
	p.Runtime.Name, p.Runtime.Sandbox = Containerd, s.sandbox
	p.Runtime.LocalFor = s.localFor
	p.Runtime.Headers = slices.DeleteFunc(sortedKeys(s.registry.at("headers")), func(name string) bool { return strings.EqualFold(name, "User-Agent") })
	switch {
	case p.Runtime.Version != "" && before(p.Runtime.Version, 2, 1), s.localFor != "":
		p.Runtime.Path = Local
	case p.Runtime.Version != "":
		p.Runtime.Path = Transfer
	}
	if s.inFile() {
		p.Registries = s.mirrors(r)
	} else {
		p.Runtime.HostsPath = s.hostsPath(r, p.Runtime.Version)
		p.Registries = readHostFolders(r, p.Runtime.HostsPath)
	}
	p.Credentials = append(p.Credentials, s.credentials()...)
}

// inFile tells whether mirrors are in config.toml itself, which containerd
// allows only without a config_path.
func (s *containerdSettings) inFile() bool {
	return s.registry.text("config_path") == "" && len(s.registry.at("mirrors"))+len(s.registry.at("configs")) > 0
}

// hostsPath returns the folders of hosts.toml files.
func (s *containerdSettings) hostsPath(r *root, version string) []string {
	if given, ok := s.registry["config_path"].(string); ok {
		return slices.DeleteFunc(filepath.SplitList(expanded(given)), func(dir string) bool { return dir == "" })
	}
	if version != "" && before(version, 2, 2) {
		return nil
	}
	if slices.ContainsFunc(defaultHostsPath, r.exists) {
		return slices.Clone(defaultHostsPath)
	}
	return nil
}

// mirrors makes of the older settings, registry.mirrors and registry.configs,
// what hosts.toml would say (internal/cri/server/images/image_pull.go,
// registryHosts).
func (s *containerdSettings) mirrors(r *root) []Registry {
	var all []Registry
	configs := s.registry.at("configs")
	for _, name := range sortedKeys(s.registry.at("mirrors")) {
		endpoints := s.registry.at("mirrors", name).texts("endpoint")
		all = append(all, fromEndpoints(r, name, endpoints, func(host string) tree { return configs.at(host, "tls") }))
	}
	for _, name := range sortedKeys(configs) {
		tls := configs.at(name, "tls")
		if len(tls) > 0 && !slices.ContainsFunc(all, func(known Registry) bool { return known.Host == name }) {
			all = append(all, Registry{Host: name, Server: withTLS(r, Host{}, tls)})
		}
	}
	return all
}

// fromEndpoints makes hosts of a list of endpoints, the last of which is the
// registry itself, be it that it is not in the list.
func fromEndpoints(r *root, registry string, endpoints []string, tlsOf func(host string) tree) Registry {
	made := Registry{Host: registry}
	if registry == "*" {
		made.Host = anyHost
	}
	itself := false
	for _, endpoint := range endpoints {
		host, name := hostOf(endpoint)
		host.OverridePath = strings.Count(strings.TrimPrefix(strings.TrimPrefix(host.URL, "https://"), "http://"), "/") > 0
		host.Capabilities = []string{"pull", "resolve"}
		made.Hosts = append(made.Hosts, withTLS(r, host, tlsOf(name)))
		itself = itself || name == registry
	}
	if itself { // it is not asked again
		last := len(made.Hosts) - 1
		made.Server, made.Hosts = made.Hosts[last], made.Hosts[:last]
		return made
	}
	made.Server = withTLS(r, Host{}, tlsOf(registry))
	return made
}

// withTLS adds what a tls table says.
func withTLS(r *root, host Host, tls tree) Host {
	host.SkipVerify = host.SkipVerify || tls.flag("insecure_skip_verify")
	if file := tls.text("ca_file"); file != "" {
		host.Authorities = append(host.Authorities, authoritiesIn(r, file)...)
	}
	host.ClientCertificate = host.ClientCertificate || tls.text("cert_file") != ""
	return host
}

// credentials names those that containerd itself has: it shows them where the
// kubelet hands over none.
func (s *containerdSettings) credentials() []Credential {
	var all []Credential
	for _, name := range sortedKeys(s.registry.at("configs")) {
		if auth := s.registry.at("configs", name, "auth"); len(auth) > 0 {
			all = append(all, credentialOf(name, s.file, auth))
		}
	}
	for _, name := range sortedKeys(s.registry.at("auths")) {
		all = append(all, credentialOf(name, s.file, s.registry.at("auths", name)))
	}
	return all
}
