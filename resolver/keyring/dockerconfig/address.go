package dockerconfig

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
)

// address is a registry, or a part of one, as the kubelet takes it apart
// (pkg/credentialprovider/keyring.go, SplitURL). In a glob, labels may hold
// wild cards.
type address struct {
	host string
	// labels is how many the host has: at least one, if it was read at all.
	labels     int
	port, path string
}

// parseAddress reads host[:port][/path] without a scheme.
func parseAddress(text string) (address, error) {
	if plainly, ok := parsePlain(text); ok {
		return plainly, nil
	}
	return parseURL(text)
}

// parseURL reads whatever can be a URL.
func parseURL(text string) (address, error) {
	parsed, err := url.Parse("https://" + text)
	if err != nil {
		return address{}, err
	}
	host, port, err := net.SplitHostPort(parsed.Host)
	if err != nil {
		host, port = parsed.Host, ""
	}
	return newAddress(host, port, parsed.Path), nil
}

// parsePlain reads what nearly all are: a name, maybe a port, and a path, with
// nothing in them that a URL reads otherwise than it is written.
func parsePlain(text string) (address, bool) {
	host, path := text, ""
	if slash := strings.IndexByte(text, '/'); slash >= 0 {
		host, path = text[:slash], text[slash:]
	}
	host, port, _ := strings.Cut(host, ":")
	return newAddress(host, port, path), plain(host) && plain(path) && strings.Trim(port, "0123456789") == ""
}

// plain tells whether a text has no character that means anything to a URL.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '-' <= c && c <= '9', c == '_': // with . and / in between
		default:
			return false
		}
	}
	return true
}

func newAddress(host, port, path string) address {
	return address{host: host, labels: 1 + strings.Count(host, "."), port: port, path: path}
}

// covers tells whether the glob matches a repository: as many labels, each
// matching, the same port in letters, and a path that begins the repository's,
// in the middle of a component too (URLsMatch).
func (glob address) covers(repository address) bool {
	return glob.port == repository.port &&
		strings.HasPrefix(repository.path, glob.path) &&
		glob.coversHost(repository)
}

func (glob address) coversHost(repository address) bool {
	if glob.labels != repository.labels || glob.labels == 0 {
		return false
	}
	wild, host := glob.host, repository.host
	for range glob.labels {
		var pattern, label string
		pattern, wild, _ = strings.Cut(wild, ".")
		label, host, _ = strings.Cut(host, ".")
		if matched, err := path.Match(pattern, label); err != nil || !matched {
			return false
		}
	}
	return true
}

// lastLabel is what stands behind a host's last dot.
func (glob address) lastLabel() string { return glob.host[strings.LastIndexByte(glob.host, '.')+1:] }

// CheckGlob tells whether a glob of hosts can match anything: the kubelet
// passes silently over those that it cannot parse.
func CheckGlob(glob string) error {
	if _, err := parseAddress(glob); err != nil {
		return fmt.Errorf("%s is no host[:port][/path]: write for example \"*.azurecr.io\"", Quote(glob))
	}
	return nil
}

// Globs are globs of hosts[:port][/path] that were read once, for many matches.
type Globs []address

// NewGlobs reads globs; those that cannot be parsed match nothing.
func NewGlobs(globs []string) Globs {
	var all Globs
	for _, glob := range globs {
		if parsed, err := parseAddress(glob); err == nil {
			all = append(all, parsed)
		}
	}
	return all
}

// Match tells whether one of the globs covers the repository.
func (g Globs) Match(repository string) bool {
	if len(g) == 0 {
		return false
	}
	target, err := parseAddress(repository)
	return err == nil && slices.ContainsFunc(g, func(glob address) bool { return glob.covers(target) })
}

// KeyOf turns the address of an entry into the key by which it is matched:
// scheme, user information, query and the docker client's /v1/ and /v2/ are
// dropped, and so is the path "/" (BasicDockerKeyring.Add). What does not parse is
// not used.
func KeyOf(location string) (key string, ok bool) {
	text := location
	if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		text = "https://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return "", false
	}
	suffix := parsed.Path
	if strings.HasPrefix(suffix, "/v1/") || strings.HasPrefix(suffix, "/v2/") {
		suffix = suffix[len("/v1"):]
	}
	if suffix == "/" {
		suffix = ""
	}
	return parsed.Host + suffix, true
}

// onDockerHub tells whether the kubelet takes a repository for one of Docker
// Hub: also where the first component has neither dot nor colon, so Hub's
// credentials go to "localhost" too (isDefaultRegistryMatch).
func onDockerHub(repository string) bool {
	first, _, found := strings.Cut(repository, "/")
	switch {
	case first == "":
		return false
	case !found, first == "docker.io", first == "index.docker.io":
		return true
	default:
		return !strings.ContainsAny(first, ".:")
	}
}
