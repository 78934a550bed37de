package nodeprofile

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Doubt says why what a registry refuses proves nothing for the nodes: they go a
// way to it that the profile does not tell in full. Empty: it does. It is for
// the host of an image's name, and the name without tag.
func (p *Profile) Doubt(host, repository string) string {
	switch {
	case slices.Contains(p.Withheld, string(ShareMirrors)):
		return "the nodes' mirrors are not in their profile"
	case slices.Contains(p.Withheld, string(ShareCredentials)):
		return "the names of the nodes' credentials are not in their profile"
	case slices.Contains(p.Withheld, string(ShareAuthorities)):
		return "the nodes' CAs are not in their profile"
	case len(p.Runtime.Headers) > 0:
		return "nodes send " + strings.Join(p.Runtime.Headers, ", ") + ", which their profile has not"
	case slices.ContainsFunc(p.Credentials, func(c Credential) bool { return c.Registry == "*" }):
		return "nodes have a credential for all registries, which their profile has not"
	case len(p.Problems) > 0:
		return "the nodes' profile has problems: " + p.Problems[0]
	}
	registry, found := p.registryFor(host, repository)
	switch {
	case !found:
		return ""
	case p.Runtime.Name == CRIO:
		return registry.crioDoubt()
	}
	if why := p.doubtOn(registry); why != "" {
		return fmt.Sprintf("nodes %s, which their profile has not", why)
	}
	return ""
}

// registryFor finds the settings for a registry: its own, else those for all.
func (p *Profile) registryFor(host, repository string) (Registry, bool) {
	for _, covers := range []func(Registry) bool{
		func(r Registry) bool { return r.covers(host, repository) },
		func(r Registry) bool { return r.Host == anyHost },
	} {
		if i := slices.IndexFunc(p.Registries, covers); i >= 0 {
			return p.Registries[i], true
		}
	}
	return Registry{}, false
}

// doubtOn says what the nodes have for a registry or its mirrors that nobody else
// has.
func (p *Profile) doubtOn(registry Registry) string {
	for _, address := range append([]Host{registry.Server}, registry.Hosts...) {
		if why := address.doubt(); why != "" {
			return why
		}
	}
	if slices.ContainsFunc(registry.Hosts, p.lent) {
		return "have a credential for a mirror"
	}
	return ""
}

// covers tells whether settings are for a registry. CRI-O's prefixes may have a
// path, or stand for all hosts below a domain.
func (r Registry) covers(host, repository string) bool {
	if r.Host == host {
		return true
	}
	if network, err := netip.ParsePrefix(r.Host); err == nil { // insecure_registries has networks, too
		return isIn(network, host)
	}
	if domain, found := strings.CutPrefix(r.Host, "*."); found {
		return strings.HasSuffix(host, "."+domain)
	}
	return strings.Contains(r.Host, "/") && strings.HasPrefix(repository+"/", r.Host+"/")
}

// isIn tells whether a registry is an address of a network.
func isIn(network netip.Prefix, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && network.Contains(address)
}

// crioDoubt is on what CRI-O's nodes alone have for a registry.
func (r Registry) crioDoubt() string {
	if _, err := netip.ParsePrefix(r.Host); err == nil {
		return "CRI-O of the nodes trusts whoever answers in " + r.Host
	}
	for _, address := range append([]Host{r.Server}, r.Hosts...) {
		if address.Login || address.URL == unreadable {
			return "registries.conf of the nodes has settings for " + r.Host + " that cannot be read"
		}
	}
	return ""
}

// doubt says what a node has for a host that nobody else has.
func (h Host) doubt() string {
	switch {
	case h.ClientCertificate:
		return "show a client certificate"
	case len(h.Headers) > 0:
		return "send " + strings.Join(h.Headers, ", ")
	case h.Login:
		return "log in by the URL of a mirror"
	case len(h.Rewrite) > 0:
		return "ask a mirror for another name"
	case h.URL == unreadable:
		return "have an address that cannot be read"
	default:
		return ""
	}
}

// Hidden are globs of the images for which the nodes have credentials, as pull
// secrets name registries, but for what is known otherwise: what in the kubelet's
// config.json is among some credentials, and the providers that are among some.
func (p *Profile) Hidden(credentials []Credential, providers []Provider) []string {
	var globs []string
	for _, credential := range p.Credentials {
		if p.Runtime.Name != CRIO && path.Base(credential.From) == "config.json" && credential.among(credentials) {
			continue
		}
		host, _, _ := strings.Cut(credential.Registry, "/")
		if strings.HasSuffix(host, ".docker.io") {
			host = "docker.io"
		}
		globs = append(globs, host)
	}
	for _, provider := range p.Kubelet.Providers {
		if !provider.among(providers) {
			globs = append(globs, provider.MatchImages...)
		}
	}
	return globs
}

// lent tells whether the runtime shows a credential of its own to a mirror.
func (p *Profile) lent(mirror Host) bool {
	_, name := hostOf(mirror.URL)
	return slices.ContainsFunc(p.Credentials, func(credential Credential) bool {
		return credential.Registry == name && path.Base(credential.From) != "config.json"
	})
}
