package nodeprofile

// Share is a part of a profile that may be shared or not.
type Share string

// The parts. What is in none of them is always shared.
const (
	ShareMirrors      Share = "mirrors"      // addresses of mirrors, and CRI-O's short names
	ShareAuthorities  Share = "authorities"  // CAs
	ShareProxies      Share = "proxies"      // addresses of proxies
	ShareCredentials  Share = "credentials"  // for which registries there are some
	ShareFingerprints Share = "fingerprints" // their SHA-256
	ShareProviders    Share = "providers"    // the SHA-256 of credential providers' entries
)

// Shares lists the parts.
func Shares() []Share {
	return []Share{ShareMirrors, ShareAuthorities, ShareProxies, ShareCredentials, ShareFingerprints, ShareProviders}
}

// Keep takes out of a profile what is in none of the given parts, and says so
// in it: what uses it must not take it for what is not there.
func (p *Profile) Keep(shared []Share) {
	kept := map[Share]bool{}
	for _, part := range shared {
		kept[part] = true
	}
	for _, part := range Shares() {
		if kept[part] {
			continue
		}
		if p.withhold(part) {
			p.Withheld = append(p.Withheld, string(part))
		}
	}
}

// withhold takes a part out, and tells whether there was any.
func (p *Profile) withhold(part Share) (there bool) {
	switch part {
	case ShareMirrors:
		there = len(p.Registries) > 0 || p.ShortNames.Mode != "" // without them CRI-O would seem to know no short name
		p.Registries, p.ShortNames = nil, ShortNames{}
	case ShareAuthorities:
		there = len(p.Authorities) > 0
		p.Authorities = nil
		for i := range p.Registries {
			there = withoutAuthorities(&p.Registries[i]) || there
		}
	case ShareProxies:
		there, p.Proxies = len(p.Proxies) > 0, nil
	case ShareCredentials:
		there, p.Credentials = len(p.Credentials) > 0, nil
	case ShareFingerprints:
		for i := range p.Credentials {
			there = there || p.Credentials[i].Fingerprint != ""
			p.Credentials[i].Fingerprint = ""
		}
	case ShareProviders:
		for i := range p.Kubelet.Providers {
			there = there || p.Kubelet.Providers[i].Fingerprint != ""
			p.Kubelet.Providers[i].Fingerprint = ""
		}
	}
	return there
}

func withoutAuthorities(r *Registry) (there bool) {
	there = len(r.Server.Authorities) > 0
	r.Server.Authorities = nil
	for i := range r.Hosts {
		there = there || len(r.Hosts[i].Authorities) > 0
		r.Hosts[i].Authorities = nil
	}
	return there
}
