package nodeprofile

import (
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// unreadable stands for an address that is none: what it is may hold a secret.
const unreadable = "unreadable"

// anyHost is the folder for all registries that have none of their own.
const anyHost = "_default"

// readHostFolders reads the folders of a config_path: the first that has one of a
// registry's counts (core/remotes/docker/config/hosts.go, HostDirFromRoot).
func readHostFolders(r *root, dirs []string) []Registry {
	var all []Registry
	for _, dir := range dirs {
		dir = filepath.ToSlash(dir)
		for _, folder := range r.list(dir) {
			registry := registryOf(folder)
			if slices.ContainsFunc(all, func(known Registry) bool { return known.Host == registry }) {
				continue
			}
			all = append(all, readHostFolder(r, registry, path.Join(dir, folder)))
		}
		if slices.ContainsFunc(all, func(known Registry) bool { return known.Host == anyHost }) {
			break // it has something of every registry
		}
	}
	return all
}

// registryOf is the registry of a folder: host_5000_ is host:5000.
func registryOf(folder string) string {
	if rest, found := strings.CutSuffix(folder, "_"); found {
		if i := strings.LastIndex(rest, "_"); i > 0 {
			return rest[:i] + ":" + rest[i+1:]
		}
	}
	return folder
}

// readHostFolder reads hosts.toml; without one, or where containerd cannot read it,
// what certificates there are, as Docker names them.
func readHostFolder(r *root, registry, folder string) Registry {
	made := Registry{Host: registry}
	file := path.Join(folder, "hosts.toml")
	read := r.parseTOML(file)
	if len(read) == 0 {
		for _, name := range r.glob(folder, "*.crt") {
			made.Server.Authorities = append(made.Server.Authorities, authoritiesIn(r, name)...)
		}
		made.Server.ClientCertificate = len(r.glob(folder, "*.cert")) > 0
		return made
	}
	for _, address := range hostsInOrder(r.read(file)) {
		made.Hosts = append(made.Hosts, readHost(r, folder, address, read.at("host", address)))
	}
	made.Server = readHost(r, folder, read.text("server"), read)
	return made
}

// readHost reads what hosts.toml says of one address.
func readHost(r *root, folder, address string, said tree) Host {
	host, _ := hostOf(address)
	host.Capabilities = said.texts("capabilities")
	host.OverridePath, host.SkipVerify = said.flag("override_path"), said.flag("skip_verify")
	host.Headers = sortedKeys(said.at("header"))
	host.ClientCertificate = said["client"] != nil
	for _, file := range said.texts("ca") {
		if !path.IsAbs(file) {
			file = path.Join(folder, file)
		}
		host.Authorities = append(host.Authorities, authoritiesIn(r, file)...)
	}
	for _, pattern := range sortedKeys(said.at("rewrite")) {
		if host.Rewrite == nil {
			host.Rewrite = map[string]string{}
		}
		host.Rewrite[pattern] = said.at("rewrite").text(pattern)
	}
	return host
}

// hostOf reads an address, and leaves the user out of it. It returns the name
// of the host beside.
func hostOf(address string) (host Host, name string) {
	if address == "" {
		return Host{}, ""
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		address = "https://" + address
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return Host{URL: unreadable}, ""
	}
	bare := url.URL{Scheme: parsed.Scheme, Host: parsed.Host, Path: parsed.Path}
	return Host{URL: bare.String(), Login: parsed.User != nil}, parsed.Host
}

// hostsInOrder returns the addresses of hosts.toml as they stand there, which is
// the order in which they are asked (config/hosts.go, getSortedHosts).
func hostsInOrder(data []byte) []string {
	var all []string
	parser := unstable.Parser{}
	parser.Reset(data)
	for parser.NextExpression() {
		if parser.Expression().Kind != unstable.Table {
			continue
		}
		var keys []string
		for key := parser.Expression().Key(); key.Next(); {
			keys = append(keys, string(key.Node().Data))
		}
		if len(keys) > 1 && keys[0] == "host" && !slices.Contains(all, keys[1]) {
			all = append(all, keys[1])
		}
	}
	return all
}

func sortedKeys[V any, M ~map[string]V](m M) []string { return slices.Sorted(maps.Keys(m)) }
