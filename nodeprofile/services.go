package nodeprofile

import (
	"net/url"
	"path"
	"strings"
)

// unitFolders are where systemd's units are, the last of which counts most.
func unitFolders() []string {
	return []string{"/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system"}
}

// unitTexts returns units with their drop-ins and the files of their
// environment, in the order in which they count.
func unitTexts(r *root, units []string) []string {
	var all []string
	for _, unit := range units {
		for _, folder := range unitFolders() {
			all = append(all, withEnvironment(r, path.Join(folder, unit+".service"))...)
			for _, dropIn := range r.glob(path.Join(folder, unit+".service.d"), "*.conf") {
				all = append(all, withEnvironment(r, dropIn)...)
			}
		}
	}
	return all
}

// withEnvironment returns a unit's text and those of its EnvironmentFiles.
func withEnvironment(r *root, name string) []string {
	text := r.lines(name)
	if text == "" {
		return nil
	}
	all := []string{text}
	for line := range strings.Lines(text) {
		if file, found := strings.CutPrefix(strings.TrimSpace(line), "EnvironmentFile="); found {
			all = append(all, r.lines(strings.TrimPrefix(strings.Trim(file, `"`), "-")))
		}
	}
	return all
}

// services are those that speak to registries, with the files of their
// environment.
func services(home place) map[string][]string {
	switch home.distribution {
	case "k3s":
		return map[string][]string{"k3s": home.environment[:1], "k3s-agent": home.environment[1:]}
	case "rke2":
		return map[string][]string{"rke2-server": home.environment[:1], "rke2-agent": home.environment[1:]}
	case "microk8s":
		return map[string][]string{"snap.microk8s.daemon-containerd": home.environment}
	case "k0s":
		return map[string][]string{"k0sworker": nil, "k0scontroller": nil}
	case "openshift":
		return map[string][]string{"crio": home.environment, "kubelet": nil}
	default:
		return map[string][]string{"containerd": nil, "crio": nil, "kubelet": nil}
	}
}

// readProxies returns what services go through. More files are those of an
// environment, besides the units'.
func readProxies(r *root, services map[string][]string) []Proxy {
	var all []Proxy
	for _, service := range sortedKeys(services) {
		texts := unitTexts(r, []string{service})
		for _, name := range services[service] {
			texts = append(texts, r.lines(name))
		}
		found := Proxy{Service: service}
		for _, text := range texts {
			found.read(text)
		}
		if found != (Proxy{Service: service}) {
			all = append(all, found)
		}
	}
	return all
}

// read takes the variables out of a unit or of a file of an environment: NAME=value,
// or several in one Environment=.
func (p *Proxy) read(text string) {
	words := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t\n\r\"'", c) })
	for _, word := range words {
		name, value, _ := strings.Cut(strings.TrimPrefix(word, "Environment="), "=")
		switch strings.ToUpper(strings.TrimPrefix(name, "CONTAINERD_")) {
		case "HTTP_PROXY":
			p.HTTP = withoutUser(value)
		case "HTTPS_PROXY":
			p.HTTPS = withoutUser(value)
		case "NO_PROXY":
			p.No = value
		}
	}
}

// withoutUser leaves user and password out of a proxy's address.
func withoutUser(address string) string {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return unreadable
	}
	bare := url.URL{Scheme: parsed.Scheme, Host: parsed.Host}
	return bare.String()
}
