package dockerconfig

import (
	"fmt"
	"strings"
)

// maxNear is how many entries are looked at for one that nearly matches.
const maxNear = 64

// NearMiss says how the first entry that nearly matches a repository, if any,
// is to be written.
func (c Config) NearMiss(repository string) string {
	target, err := parseAddress(repository)
	if err != nil {
		return ""
	}
	locations := c.Locations()
	for _, location := range locations[:min(len(locations), maxNear)] {
		if advice := nearly(location, repository, target); advice != "" {
			return advice
		}
	}
	return ""
}

// nearly says how to write an entry's address so that it matches the
// repository, if it looks as if it were meant to; else nothing. The usual
// mistakes are those that other programs forgive and the kubelet does not.
func nearly(location, repository string, target address) string {
	if trimmed := strings.TrimSpace(location); trimmed != location {
		return nearlyBlank(location, trimmed, target)
	}
	key, ok := KeyOf(location)
	if !ok {
		return ""
	}
	glob, err := parseAddress(key)
	if err != nil {
		return ""
	}
	switch {
	case glob.coversHost(target):
		return nearlyHere(location, glob, target)
	case key == dockerHubKey && onDockerHub(repository):
		return fmt.Sprintf("%s counts only where no other entry matches", Show(location))
	case target.host == "docker.io" && namesDockerHub(glob):
		return fmt.Sprintf(`%s is not what nodes look for: for Docker Hub write "https://index.docker.io/v1/"`, Show(location))
	case strings.EqualFold(glob.host, target.host):
		return fmt.Sprintf("%s differs in upper and lower case: write %s", Show(location), Quote(target.host))
	case strings.Contains(glob.host, "*") && glob.labels != target.labels && sameEnd(glob, target):
		return fmt.Sprintf("in %s each * stands for one label between dots: write as many as %s has", Show(location), Quote(target.host))
	default:
		return ""
	}
}

func nearlyBlank(location, trimmed string, target address) string {
	key, ok := KeyOf(trimmed)
	if !ok {
		return ""
	}
	if glob, err := parseAddress(key); err != nil || !glob.coversHost(target) {
		return ""
	}
	return fmt.Sprintf("%s has blanks around it: take them away", Show(location))
}

// nearlyHere is for entries of the right host.
func nearlyHere(location string, glob, target address) string {
	switch {
	case glob.port != target.port && target.port == "":
		return fmt.Sprintf("%s names a port, which the image does not: leave it out", Show(location))
	case glob.port != target.port:
		return fmt.Sprintf("%s is not for port %s: write the port as the image does", Show(location), target.port)
	default:
		return nearlyPath(location, glob.path, target)
	}
}

// nearlyPath is for entries of the right host and port.
func nearlyPath(location, path string, target address) string {
	slashless := strings.TrimRight(path, "/")
	untagged, _, _ := strings.Cut(path, ":")
	untagged, _, _ = strings.Cut(untagged, "@")
	switch {
	case slashless == "/v1", slashless == "/v2":
		return fmt.Sprintf("%s lacks a slash at the end", Show(location))
	case strings.Contains(path, "*"):
		return fmt.Sprintf("%s has a * in its path, where it is no wild card: end the path before it", Show(location))
	case path != slashless && strings.HasPrefix(target.path, slashless):
		return fmt.Sprintf("%s ends in a slash, which the image's name does not have there: leave it out", Show(location))
	case path != untagged && strings.HasPrefix(target.path, untagged):
		return fmt.Sprintf("%s holds a tag or digest, which nodes do not compare: leave it out", Show(location))
	default:
		return fmt.Sprintf("%s is for another path", Show(location))
	}
}

// namesDockerHub tells whether an address is one of those by which people, the
// docker client or a browser know Docker Hub.
func namesDockerHub(glob address) bool {
	host := strings.ToLower(glob.host)
	switch host {
	case "docker.io", "docker.com":
		return true
	default:
		return strings.HasSuffix(host, ".docker.io") || strings.HasSuffix(host, ".docker.com")
	}
}

// sameEnd tells whether two hosts share their last label, or one is all wild.
func sameEnd(glob, target address) bool {
	last := glob.lastLabel()
	return last == "*" || last == target.lastLabel()
}
