package lab

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/distribution/reference"
)

// CRIO is how a node with CRI-O has what a scenario's certs.d says to
// containerd.
type CRIO struct {
	// Image is what it pulls. Where certs.d leads a stand-in's name to a server,
	// it is that server's: CRI-O shows nobody else the credential.
	Image string
	// Registries are tables of registries.conf.
	Registries string
	// Led is that these lead elsewhere than the image's name says.
	Led bool
	// Certs are the files of its certs.d, by their paths in it.
	Certs map[string]string
}

// endpoint is a host with what hosts.toml says of it.
type endpoint struct {
	address            string
	skipVerify, byPull bool
	ca, cert, key      string
}

// CRIO returns a scenario's part of a node with CRI-O, of a Lab whose scenarios
// are apart. What registries.conf has no words for is left out: capabilities
// but that for digests alone, headers, time limits.
func (l *Lab) CRIO(name string) CRIO {
	st := l.byName[name]
	node := CRIO{Image: st.fill(st.Image), Certs: map[string]string{}}
	named, err := reference.ParseNormalizedNamed(node.Image)
	if err != nil {
		return node
	}
	domain := reference.Domain(named)
	server, mirrors := endpoints(st.hostsToml(domain))
	if server.address != "" && strings.HasSuffix(strings.Split(domain, ":")[0], ".test") && len(st.hostOf(server)) > 0 {
		node.Image = st.hostOf(server) + strings.TrimPrefix(node.Image, domain)
		domain = st.hostOf(server)
	}
	if server.address == "" {
		server.address = st.scheme(domain) + "://" + domain
	}
	path := "/" + reference.Path(named)
	var tables strings.Builder
	fmt.Fprintf(&tables, "[[registry]]\nprefix = %q\nlocation = %q\ninsecure = %t\n", domain+path, st.hostOf(server)+path, server.insecure())
	for _, mirror := range mirrors {
		fmt.Fprintf(&tables, "[[registry.mirror]]\nlocation = %q\ninsecure = %t\n", st.hostOf(mirror)+path, mirror.insecure())
		if mirror.byPull {
			tables.WriteString("pull-from-mirror = \"digest-only\"\n")
		}
	}
	node.Registries, node.Led = tables.String(), len(mirrors) > 0 || st.hostOf(server) != domain
	st.certs(node.Certs, append(mirrors, server))
	return node
}

// hostsToml is the file of certs.d that is for a host.
func (st *stage) hostsToml(domain string) string {
	files := map[string]string{}
	for file, text := range st.Certs {
		files[st.fill(file)] = st.fill(text)
	}
	host, port, _ := strings.Cut(domain, ":")
	for _, folder := range []string{host + "_" + port + "_", domain, "_default"} {
		if text, ok := files[folder+"/hosts.toml"]; ok {
			return text
		}
	}
	return ""
}

// endpoints reads the server and the mirrors of a hosts.toml, line by line.
func endpoints(text string) (server endpoint, mirrors []endpoint) {
	at := &server
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch first := strings.Split(value, `"`); {
		case key == "server" && len(first) > 1:
			server.address = first[1]
		case strings.HasPrefix(key, `[host."`) && strings.HasSuffix(key, `"]`):
			mirrors = append(mirrors, endpoint{address: strings.Split(key, `"`)[1]})
			at = &mirrors[len(mirrors)-1]
		case key == "skip_verify":
			at.skipVerify = value == "true"
		case key == "capabilities":
			at.byPull = value == `["pull"]`
		case key == "ca":
			at.ca = first[1]
		case key == "client" && len(first) > 3:
			at.cert, at.key = first[1], first[3]
		}
	}
	return server, mirrors
}

// hostOf is an endpoint as registries.conf spells it.
func (st *stage) hostOf(e endpoint) string {
	u, err := url.Parse(e.address)
	if err != nil || u.Host == "" {
		return e.address
	}
	return u.Host + strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v2")
}

// insecure tells whether CRI-O has to be told to trust whoever answers.
func (e endpoint) insecure() bool { return e.skipVerify || strings.HasPrefix(e.address, "http://") }

// scheme is how a server of the lab is spoken to.
func (st *stage) scheme(domain string) string {
	_, port, _ := strings.Cut(domain, ":")
	for role := range st.lab.settings {
		if st.address(role) == domain || usesPort(st.Scenario, role) && strings.HasSuffix(st.address(role), ":"+port) {
			return "https"
		}
	}
	return "http"
}

// certs adds what is trusted of, and shown to, endpoints.
func (st *stage) certs(files map[string]string, all []endpoint) {
	for file, text := range st.Certs {
		if !strings.HasSuffix(file, ".toml") {
			files[st.fill(file)] = st.fill(text)
		}
	}
	for _, e := range all {
		for file, from := range map[string]string{"ca.crt": e.ca, "client.cert": e.cert, "client.key": e.key} {
			if data := st.lab.read(from); data != "" {
				files[strings.Split(st.hostOf(e), "/")[0]+"/"+file] = data
			}
		}
	}
}

// read returns what is in a file; empty where there is none.
func (l *Lab) read(path string) string {
	data, err := os.ReadFile(path) //nolint:gosec // one of the lab's own
	if err != nil {
		return ""
	}
	return string(data)
}
