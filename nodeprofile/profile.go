package nodeprofile

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"sigs.k8s.io/yaml"
)

// APIVersion and Kind are what a profile says of itself.
const (
	APIVersion = "pullgate.dev/v1alpha1"
	Kind       = "NodeProfile"
)

// Names of runtimes.
const (
	Containerd = "containerd"
	CRIO       = "cri-o"
)

// Paths on which containerd pulls (internal/cri/config/config.go,
// CheckLocalImagePullConfigs, since 2.1).
const (
	Transfer = "transfer"
	Local    = "local"
)

// Profile is what a node's own settings make of its pulls.
type Profile struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Nodes are globs of the names of the nodes that have it; none: any node.
	Nodes []string `json:"nodes,omitempty"`
	// Distribution is k3s, rke2, microk8s, kind, talos, k0s or openshift; empty:
	// another.
	Distribution string  `json:"distribution,omitempty"`
	Runtime      Runtime `json:"runtime"`
	// Registries are those for which the runtime has settings of its own.
	Registries []Registry `json:"registries,omitempty"`
	ShortNames ShortNames `json:"shortNames,omitzero"`
	// Authorities are the trust store's extra CAs, one PEM each.
	Authorities []string `json:"authorities,omitempty"`
	Proxies     []Proxy  `json:"proxies,omitempty"`
	Kubelet     Kubelet  `json:"kubelet,omitzero"`
	// Credentials are what kubelet and runtime have of their own, by name.
	Credentials []Credential `json:"credentials,omitempty"`
	// Withheld are the parts that were not to be shared.
	Withheld []string `json:"withheld,omitempty"`
	// Problems are what could not be read.
	Problems []string `json:"problems,omitempty"`
}

// Runtime is the container runtime.
type Runtime struct {
	// Name is containerd or cri-o; empty: none was found.
	Name string `json:"name,omitempty"`
	// Version is the runtime's; empty: no file tells.
	Version string `json:"version,omitempty"`
	// Path is Transfer or Local; empty: it takes the version to tell.
	Path string `json:"path,omitempty"`
	// LocalFor is the setting that makes containerd take the local path.
	LocalFor string `json:"localFor,omitempty"`
	// HostsPath are the folders of config_path. Where they are several the
	// transfer path heeds none of them (containerd#12808).
	HostsPath []string `json:"hostsPath,omitempty"`
	// Headers are the names of headers that every registry is sent.
	Headers []string `json:"headers,omitempty"`
	// Sandbox is the image of the Pod's own container.
	Sandbox string `json:"sandboxImage,omitempty"`
}

// Registry is the way to one registry.
type Registry struct {
	// Host is that of images; _default: of all that have no settings of their own.
	Host string `json:"host"`
	// Hosts are asked in this order, before the server.
	Hosts []Host `json:"hosts,omitempty"`
	// Server is asked last; without a URL the registry itself.
	Server Host `json:"server,omitzero"`
	// Blocked says that CRI-O refuses its images.
	Blocked bool `json:"blocked,omitempty"`
}

// Host is one address of a registry.
type Host struct {
	URL          string   `json:"url,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	OverridePath bool     `json:"overridePath,omitempty"`
	// SkipVerify leaves its certificate unverified.
	SkipVerify bool `json:"skipVerify,omitempty"`
	// Authorities are its CAs besides those of the trust store, one PEM each.
	Authorities []string `json:"authorities,omitempty"`
	// Headers are the names of headers that it is sent.
	Headers []string `json:"headers,omitempty"`
	// ClientCertificate says that it is shown one.
	ClientCertificate bool `json:"clientCertificate,omitempty"`
	// Login says that there was a user in its URL.
	Login bool `json:"login,omitempty"`
	// Rewrite says that repositories have other names there (k3s, RKE2).
	Rewrite map[string]string `json:"rewrite,omitempty"`
	// For is which references it is for, if not all: digest-only or tag-only.
	For string `json:"for,omitempty"`
}

// ShortNames are CRI-O's ways with names that say no registry.
type ShortNames struct {
	Mode    string            `json:"mode,omitempty"`
	Search  []string          `json:"search,omitempty"`
	Aliases map[string]string `json:"aliases,omitempty"`
}

// Proxy is what one service goes through.
type Proxy struct {
	Service string `json:"service"`
	HTTP    string `json:"http,omitempty"`
	HTTPS   string `json:"https,omitempty"`
	No      string `json:"no,omitempty"`
}

// Kubelet is what of its flags and configuration bears on pulls.
type Kubelet struct {
	RegistryPullQPS   *int32   `json:"registryPullQPS,omitempty"`
	RegistryBurst     *int32   `json:"registryBurst,omitempty"`
	SerializePulls    *bool    `json:"serializeImagePulls,omitempty"`
	MaxParallelPulls  *int32   `json:"maxParallelImagePulls,omitempty"`
	VerificationOf    string   `json:"imagePullCredentialsVerificationPolicy,omitempty"`
	PreloadedImages   []string `json:"preloadedImagesVerificationAllowlist,omitempty"`
	ProvidersConfig   string   `json:"imageCredentialProviderConfigFile,omitempty"`
	ProvidersPrograms string   `json:"imageCredentialProviderBinDir,omitempty"`
	// Providers are the credential provider plugins.
	Providers []Provider `json:"credentialProviders,omitempty"`
}

// Provider is a credential provider plugin of the kubelet's.
type Provider struct {
	Name        string   `json:"name"`
	MatchImages []string `json:"matchImages,omitempty"`
	// Fingerprint is the SHA-256 of its name, version of the API, images, arguments,
	// names of environment variables, and wants of tokens; empty: it is not shared.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Credential is one that the node has.
type Credential struct {
	// Registry is for what it is, as it is written there.
	Registry string `json:"registry"`
	// From is the file that has it.
	From string `json:"from"`
	// Fingerprint is the SHA-256 of user name, a zero byte and password; empty:
	// it is not shared, or there is no user name and password.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Parse reads a profile, strictly. An error says what is wrong with it.
func Parse(data []byte) (*Profile, error) {
	var p Profile
	if err := yaml.UnmarshalStrict(data, &p); err != nil {
		return nil, fmt.Errorf("no node profile: %w", err)
	}
	switch {
	case p.APIVersion != APIVersion || p.Kind != Kind:
		return nil, fmt.Errorf("no node profile: it says apiVersion %q and kind %q; write %s and %s", p.APIVersion, p.Kind, APIVersion, Kind)
	case p.Runtime.Name == "":
		return nil, errors.New("the node profile names no runtime: write runtime.name, containerd or cri-o")
	case !slices.Contains([]string{Containerd, CRIO}, p.Runtime.Name):
		return nil, fmt.Errorf("runtime.name %q: write containerd or cri-o", p.Runtime.Name)
	}
	for i, glob := range p.Nodes {
		if _, err := path.Match(glob, ""); err != nil {
			return nil, fmt.Errorf("nodes[%d]: %w", i, err)
		}
	}
	return &p, nil
}

// Settings is a profile without what Pullgate does not go by when it asks: where two
// have the same, nodes pull in the same way. What is no profile stays as it is.
func Settings(data []byte) []byte {
	p, err := Parse(data)
	if err != nil {
		return data
	}
	p.Nodes, p.Distribution, p.Proxies = nil, "", nil
	p.Runtime.LocalFor, p.Runtime.Sandbox = "", ""
	p.Kubelet = Kubelet{Providers: p.Kubelet.Providers}
	text, err := p.YAML()
	if err != nil {
		return data
	}
	return text
}

// YAML spells a profile, always the same way.
func (p *Profile) YAML() ([]byte, error) { return yaml.Marshal(p) }
