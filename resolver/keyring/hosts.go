package keyring

import (
	"slices"
	"strings"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// Hosts lists the registries other than Docker Hub for which the Pod's own
// pull secrets have entries, in the order of the secrets, each once. Globs
// name no registry and are left out.
func (r *Ring) Hosts() []string {
	var hosts []string
	for _, s := range r.secrets {
		for _, location := range s.config.Locations() {
			key, ok := dockerconfig.KeyOf(location)
			host, _, _ := strings.Cut(key, "/")
			if !ok || host == "" || strings.ContainsAny(host, "*?[") || onHub(host) || slices.Contains(hosts, host) {
				continue
			}
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// onHub tells whether a host is one of Docker Hub's names.
func onHub(host string) bool {
	return host == "docker.io" || strings.HasSuffix(host, ".docker.io") || host == "hub.docker.com"
}
