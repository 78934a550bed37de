package nodeprofile

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// ownFlags are those of k3s and RKE2 that say where things are, or that another
// runtime pulls.
func ownFlags() []string { return []string{ownConfig, "data-dir", "private-registry", "docker"} }

// ownConfig stands for --config of k3s and RKE2, which is not the kubelet's.
const ownConfig = "own-config"

// readOwnFlags reads what k3s and RKE2 go by: a file of settings with the names of
// flags (k3s pkg/configfilearg/parser.go), then the units, which count more.
func readOwnFlags(r *root, home place, units []string) map[string]string {
	flags := map[string]string{}
	for i, text := range units {
		units[i] = strings.NewReplacer("--config=", "--"+ownConfig+"=", "--config ", "--"+ownConfig+" ").Replace(text)
		readFlags(units[i], flags)
	}
	file := cmp.Or(flags[ownConfig], home.settings)
	for _, name := range append([]string{file}, r.glob(file+".d", "*.yaml")...) {
		readFlags(ownSettings(r, name), flags)
	}
	for _, text := range units {
		readFlags(text, flags)
	}
	return flags
}

// ownSettings are the settings of a file, as flags. A name that ends in + adds to
// those of files before.
func ownSettings(r *root, name string) string {
	var settings map[string]any
	if yaml.Unmarshal(r.read(name), &settings) != nil {
		r.problem(name, "is no configuration of k3s or RKE2")
	}
	var b strings.Builder
	for _, key := range sortedKeys(settings) {
		values, many := settings[key].([]any)
		if !many {
			values = []any{settings[key]}
		}
		for _, value := range values {
			fmt.Fprintf(&b, "--%s=%v\n", strings.TrimSuffix(key, "+"), value)
		}
	}
	return b.String()
}

// moved is the place where flags say that things are.
func (home place) moved(flags map[string]string) place {
	if dir := flags["data-dir"]; dir != "" && home.settings != "" {
		home.containerd = path.Join(dir, "agent/etc/containerd/config.toml")
	}
	if home.settings != "" {
		home.registries = cmp.Or(flags["private-registry"], home.registries)
	}
	return home
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
