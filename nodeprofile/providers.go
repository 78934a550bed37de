package nodeprofile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"path/filepath"
	"slices"

	"sigs.k8s.io/yaml"
)

// providerEntry is one credential provider as a CredentialProviderConfig has it: what
// decides about its answers, but for the values of its environment.
type providerEntry struct {
	Name        string   `json:"name"`
	APIVersion  string   `json:"apiVersion"`
	MatchImages []string `json:"matchImages"`
	Args        []string `json:"args"`
	Env         []struct {
		Name string `json:"name"`
	} `json:"env"`
	TokenAttributes any `json:"tokenAttributes"`
}

// fingerprint is that of an entry: two providers with the same one are asked in the
// same way.
func (e *providerEntry) fingerprint() string {
	text, err := json.Marshal(e)
	if err != nil {
		return "" // cannot be: it was read from YAML
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readProviders reads a CredentialProviderConfig, a file or a folder of files: its
// arguments and environment may hold secrets, and are left out.
func readProviders(r *root, name string) []Provider {
	if name == "" {
		return nil
	}
	files := []string{name}
	if !r.exists(name) {
		r.problem(name, "is not there, and the kubelet goes by it")
	}
	if r.isFolder(name) {
		files = nil
		for _, found := range r.glob(name, "*") {
			if ext := path.Ext(found); ext == ".json" || ext == ".yaml" || ext == ".yml" {
				files = append(files, found)
			}
		}
	}
	var all []Provider
	for _, file := range files {
		var read struct {
			Providers []providerEntry `json:"providers"`
		}
		if yaml.Unmarshal(r.read(file), &read) != nil {
			r.problem(file, "is no configuration of credential providers")
		}
		for _, entry := range read.Providers {
			all = append(all, Provider{Name: entry.Name, MatchImages: entry.MatchImages, Fingerprint: entry.fingerprint()})
		}
	}
	return all
}

// ReadProviders reads the credential providers of a CredentialProviderConfig on this
// machine, a file or a folder of files, to be compared with those of a profile. What
// cannot be read has none.
func ReadProviders(config string) []Provider {
	absolute, err := filepath.Abs(config)
	if config == "" || err != nil {
		return nil
	}
	return readProviders(&root{dir: "/"}, filepath.ToSlash(absolute))
}

// among tells whether a provider is one of others, by fingerprint.
func (p Provider) among(others []Provider) bool {
	return p.Fingerprint != "" && slices.ContainsFunc(others, func(other Provider) bool { return other.Fingerprint == p.Fingerprint })
}
