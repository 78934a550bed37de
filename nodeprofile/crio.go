package nodeprofile

import (
	"cmp"
	"path"
	"slices"
)

const (
	crioFile       = "/etc/crio/crio.conf"
	registriesFile = "/etc/containers/registries.conf"
)

// readCRIO reads CRI-O's configuration: crio.conf and then crio.conf.d, values of
// which take the place of earlier ones (pkg/config/config.go, UpdateFromPath).
func readCRIO(r *root, p *Profile) {
	image := tree{}
	for _, name := range append(r.there(crioFile), r.glob(crioFile+".d", "*")...) {
		for key, value := range r.parseTOML(name).at("crio", "image") {
			image[key] = value
		}
	}
	p.Runtime.Name, p.Runtime.Sandbox = CRIO, image.text("pause_image")
	p.Registries, p.ShortNames = registriesConf(r)
	for _, host := range image.texts("insecure_registries") {
		p.Registries = append(p.Registries, Registry{Host: host, Server: Host{SkipVerify: true}})
	}
	if file := image.text("global_auth_file"); file != "" {
		p.Credentials = append(p.Credentials, readAuthFile(r, file)...)
	}
}

// there is a file's name, if there is such a file.
func (r *root) there(name string) []string {
	if r.exists(name) {
		return []string{name}
	}
	return nil
}

// readAuthFile names what is in CRI-O's global_auth_file.
func readAuthFile(r *root, name string) []Credential {
	if path.Base(name) != "config.json" {
		return readDockerFile(r, name)
	}
	return readDockerConfig(r, path.Dir(name))
}

// registriesConf reads registries.conf and registries.conf.d, as
// go.podman.io/image/v5 pkg/sysregistriesv2 does: tables of one prefix take the
// place of earlier ones.
func registriesConf(r *root) ([]Registry, ShortNames) {
	var all []Registry
	short := ShortNames{Mode: "enforcing"}
	for _, name := range append(r.there(registriesFile), r.glob(registriesFile+".d", "*.conf")...) {
		read := r.parseTOML(name)
		short.Mode = cmp.Or(read.text("short-name-mode"), short.Mode)
		if search := read.texts("unqualified-search-registries"); search != nil {
			short.Search = search
		}
		for alias := range read.at("aliases") {
			if short.Aliases == nil {
				short.Aliases = map[string]string{}
			}
			short.Aliases[alias] = read.at("aliases").text(alias)
		}
		for _, table := range read.tables("registry") {
			made := registryFrom(table)
			all = slices.DeleteFunc(all, func(known Registry) bool { return known.Host == made.Host })
			all = append(all, made)
		}
	}
	return all, short
}

// registryFrom reads one table of registries.conf.
func registryFrom(table tree) Registry {
	made := Registry{Host: cmp.Or(table.text("prefix"), table.text("location")), Blocked: table.flag("blocked")}
	made.Server.SkipVerify = table.flag("insecure")
	if location := table.text("location"); location != made.Host {
		made.Server.URL = crioAddress(location)
	}
	for _, mirror := range table.tables("mirror") {
		host := Host{URL: crioAddress(mirror.text("location")), SkipVerify: mirror.flag("insecure"), For: mirror.text("pull-from-mirror")}
		if host.For == "all" {
			host.For = ""
		}
		if table.flag("mirror-by-digest-only") {
			host.For = "digest-only"
		}
		made.Hosts = append(made.Hosts, host)
	}
	return made
}

// crioAddress spells a location as a URL without a user.
func crioAddress(location string) string {
	host, _ := hostOf(location)
	return host.URL
}
