package ground

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Names that are registries' for the Node alone.
const (
	// Mirrored leads nowhere, unless the Node has a mirror for it (Mirror).
	Mirrored = "images.invalid"
	// Private is a mirror of what wants the credential that the Node's credential
	// provider has.
	Private = "private.invalid"
)

const (
	user = "node"
	// Marker is the password of all credentials that the Node has.
	Marker = "marker-of-a-secret"
)

// Machine is the folder in which the Node's settings are, as on any: those by
// which its containerd and its kubelet work.
func (g *Ground) Machine() string { return filepath.Join(g.Dir(), "machine") }

// Mirror gives the Node a mirror for a host: the registry, whose certificate an
// authority of the Node's own has signed. It counts from the next pull on.
func (g *Ground) Mirror(host string) error {
	folder := "etc/containerd/certs.d/" + host
	return errors.Join(
		g.set(folder+"/ca.pem", 0o644, string(g.Registry.CA)),
		g.set(folder+"/hosts.toml", 0o644, fmt.Sprintf("server = %q\nca = \"ca.pem\"\n", "https://"+g.Registry.Host)),
	)
}

// Unmirror takes it away again.
func (g *Ground) Unmirror(host string) error {
	return os.RemoveAll(filepath.Join(g.Machine(), "etc/containerd/certs.d", host))
}

// furnishMachine writes the Node's settings.
func (g *Ground) furnishMachine() error {
	provider, err := os.ReadFile(g.programs.Provider)
	if err != nil {
		return fmt.Errorf("%w: run `make test-operate`", err)
	}
	return errors.Join(
		g.set("etc/containerd/config.toml", 0o644, "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/etc/containerd/certs.d'\n"),
		g.set("var/lib/kubelet/kubeadm-flags.env", 0o644, "KUBELET_KUBEADM_ARGS=\"--image-credential-provider-config=/"+providersFile+" --image-credential-provider-bin-dir=/"+providersFolder+"\"\n"),
		g.set("var/lib/kubelet/config.json", 0o600, fmt.Sprintf(`{"auths": {"hidden.invalid": {"username": %q, "password": %q}}}`, user, Marker)),
		g.set(providersFile, 0o600, Providers()),
		g.set(providersFolder+"/own", 0o755, string(provider)),
	)
}

const (
	providersFile   = "etc/kubernetes/providers.yaml"
	providersFolder = "usr/libexec/credential-providers"
)

// Providers is the kubelet's configuration of credential providers: one, which has what
// Private wants.
func Providers() string {
	return fmt.Sprintf(`{"apiVersion": "kubelet.config.k8s.io/v1", "kind": "CredentialProviderConfig", "providers": [
  {"name": "own", "apiVersion": "credentialprovider.kubelet.k8s.io/v1", "defaultCacheDuration": "1s", "matchImages": [%q], "args": [%q, %q, %q]}]}`,
		Private, Private, user, Marker)
}

// ProviderDir is the folder on the Node in which the program of that provider is.
func (g *Ground) ProviderDir() string { return filepath.Join(g.Machine(), providersFolder) }

// set writes one of the Node's files.
func (g *Ground) set(name string, mode os.FileMode, text string) error {
	file := filepath.Join(g.Machine(), name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // as on a machine
		return err
	}
	return os.WriteFile(file, []byte(text), mode) //nolint:gosec // in a folder of its own
}
