// Package pods lists, as data, Pods of which Pullgate and a real kubelet are
// asked whether their images can be pulled, and says what each of them came to.
package pods

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// Namespace is the one of all Pods.
const Namespace = "agreement"

// Case is one Pod, or rather the image in it that matters.
type Case struct {
	// Scenario is what the registry holds, and the image. Its Name is the
	// Pod's, its About what is special.
	scenario.Scenario
	// Of takes the image, and the registry, of another case.
	Of string
	// Later has the Pod made when the others have come to something, and the
	// Node lists the images that it has then.
	Later bool
	// Secrets are the Pod's pull secrets; Account are those of its
	// ServiceAccount. A nameless reference is one by the name of nothing.
	Secrets, Account []Secret
	// Policy is the pull policy; empty: what the API server makes of it.
	Policy corev1.PullPolicy
	// Place is where in the Pod the image is.
	Place Place
	// Loaded has the image on the node before there is a kubelet; Lost has the
	// registry lose it then.
	Loaded, Lost bool
	// Note is what Pullgate has to say beside "pullable" for the kubelet to be
	// free to fail: nodes differ there, by their configuration.
	Note string
}

// Place is where an image stands in a Pod.
type Place string

// The places.
const (
	Container Place = ""
	Init      Place = "init"
	Volume    Place = "volume"
	Unmounted Place = "unmounted volume"
)

// Field is the path of the image.
func (c Case) Field() string {
	switch c.Place {
	case Init:
		return "spec.initContainers[0].image"
	case Volume, Unmounted:
		return "spec.volumes[0].image.reference"
	default:
		return "spec.containers[0].image"
	}
}

// Source is the name of the scenario that the image is from.
func (c Case) Source() string {
	if c.Of != "" {
		return c.Of
	}
	return c.Name
}

// Secret is a pull secret.
type Secret struct {
	Type corev1.SecretType
	// Text is its content, for a registry as it stands in scenarios.
	Text string
	// Missing: it is named, and does not exist. Nameless: not even that.
	Missing, Nameless bool
}

// login is a secret with a user and a password for a registry.
func login(key, user, password string) Secret {
	return config(fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q}}}`, key, user, password))
}

func config(text string) Secret { return Secret{Type: corev1.SecretTypeDockerConfigJson, Text: text} }

func right() Secret { return login("{plain}", "alice", "secret") }
func wrong() Secret { return login("{plain}", "alice", "of yesterday") }

// undecodable has what the kubelet cannot decode, for a registry.
func undecodable(key string) Secret {
	return config(fmt.Sprintf(`{"auths": {%q: {"auth": "!"}}}`, key))
}

// All returns every case.
func All() []Case {
	var all []Case
	for _, group := range []struct {
		name string
		list []Case
	}{
		{"References", borrowed(references())},
		{"Registries and what they hold", borrowed(registries())},
		{"Registries as they are", borrowed(worlds())},
		{"Mirrors, certificates and trouble", borrowed(ways())},
		{"Pull secrets", secrets()},
		{"For which registry a secret is", keys()},
		{"Secrets that the kubelet cannot read", malformed()},
		{"ServiceAccounts", accounts()},
		{"The nodes' own credentials", nodes()},
		{"Pull policy, and images that are there already", presence()},
		{"Other places than containers", places()},
	} {
		for _, c := range group.list {
			c.Group = group.name
			c.Scenario = c.Complete()
			all = append(all, c)
		}
	}
	return all
}

// borrowed are scenarios of the pull oracle, with a secret for each credential.
func borrowed(names []string) []Case {
	known := map[string]scenario.Scenario{}
	for _, s := range scenario.All() {
		known[s.Name] = s
	}
	var list []Case
	for _, name := range names {
		c := Case{Scenario: known[name], Note: notes()[name]}
		for _, credential := range c.Credentials {
			c.Secrets = append(c.Secrets, login("{registry}", credential.Username, credential.Password))
		}
		list = append(list, c)
	}
	return list
}

// notes are Pullgate's words on images that only some nodes can pull.
func notes() map[string]string {
	const local = "by containerd's local path alone, not by the transfer service"
	return map[string]string{"platform-386": local, "child-gone-second-of-two": local}
}

func references() []string {
	return []string{
		"ref-tag", "ref-digest", "ref-no-tag", "ref-localhost", "ref-tag-and-digest", "ref-tag-and-lost-digest", "ref-sha512",
		"ref-sha512-missing", "ref-upper-host", "ref-upper-repository", "ref-double-slash", "ref-two-dots", "ref-leading-dash",
		"ref-scheme", "ref-hex", "ref-short-digest", "ref-md5", "ref-space", "ref-zero-width",
		"missing-tag", "missing-repository", "missing-digest", "missing-config-as-image",
	}
}

func registries() []string {
	return []string{
		"sound-docker", "sound-list", "sound-nested", "sound-foreign", "sound-helm", "sound-no-layers",
		"platform-none", "platform-other", "platform-attestations", "platform-386", "platform-v1", "platform-v3", "platform-bare",
		"platform-bare-arm64", "platform-bare-arm64-amd64", "platform-nested-other", "platform-lies", "child-gone", "child-gone-of-other", "child-gone-second-of-two",
		"bad-schema1", "bad-json", "bad-config-text", "bad-own-type", "config-gone", "layer-gone", "layer-gone-of-other", "layer-head",
		"status-405-head", "missing-head-alone", "header-no-digest", "header-json", "header-no-type", "header-charset",
		"header-other-digest", "header-too-long", "get-spoilt",
	}
}

func worlds() []string {
	return []string{
		"hub-short-name", "hub-index-docker-io", "hub-no-slash", "hub-private", "hub-missing", "hub-quota",
		"ecr-none", "ecr-expired", "ecr-403", "ecr-no-repository", "gar-private", "gar-right", "acr-private", "acr-refresh-token", "acr-login",
		"ghcr-private", "ghcr-stale", "quay-private", "quay-robot", "harbor-private", "harbor-robot", "harbor-proxy", "nexus-head",
		"artifactory-hides", "gitlab-private", "registry-2-token",
		"bearer-right-missing", "bearer-wrong-then-right-missing", "bearer-get-needs-more", "basic-get-only",
	}
}

func ways() []string {
	return []string{
		"mirror-has", "mirror-has-not", "mirror-none-has", "mirror-digest", "mirror-credential", "mirror-header", "mirror-override-path",
		"mirror-pull-only", "certs-port-folder", "certs-no-server",
		"tls-ca", "tls-skip-verify", "tls-missing", "tls-credentials", "tls-token", "tls-no-ca", "tls-expired", "tls-other-name",
		"status-403", "status-429", "status-500", "get-429", "net-refused", "net-dropping", "mirror-closed",
	}
}
