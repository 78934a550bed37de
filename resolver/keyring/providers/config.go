package providers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// configGroup is the API group of the kubelet's configuration files.
const configGroup = "kubelet.config.k8s.io/"

// providersFile is a CredentialProviderConfig, with providers of its version.
type providersFile[T any] struct {
	metav1.TypeMeta `json:",inline"`
	Providers       []T `json:"providers"`
}

// providerConfig is one provider in a file of version v1.
type providerConfig struct {
	olderConfig     `json:",inline"`
	TokenAttributes *tokenAttributes `json:"tokenAttributes"`
}

// olderConfig is one provider in a file of version v1beta1 or v1alpha1.
type olderConfig struct {
	Name                 string           `json:"name"`
	MatchImages          []string         `json:"matchImages"`
	DefaultCacheDuration *metav1.Duration `json:"defaultCacheDuration"`
	APIVersion           string           `json:"apiVersion"`
	Args                 []string         `json:"args"`
	Env                  []variable       `json:"env"`
}

// variable is one environment variable of a provider.
type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// How long the answers of a provider that gets tokens are kept at most: as long
// as its ServiceAccount stays the same, or its token does.
const (
	cacheByAccount = "ServiceAccount"
	cacheByToken   = "Token"
)

// tokenAttributes say which ServiceAccount token a provider gets.
type tokenAttributes struct {
	Audience              string   `json:"serviceAccountTokenAudience"`
	CacheType             string   `json:"cacheType"`
	RequireServiceAccount *bool    `json:"requireServiceAccount"`
	RequiredKeys          []string `json:"requiredServiceAccountAnnotationKeys"`
	OptionalKeys          []string `json:"optionalServiceAccountAnnotationKeys"`
}

// readProviderConfigs reads a file, or the *.json, *.yaml and *.yml of a
// directory in the order of their names (plugin/config.go,
// readCredentialProviderConfig).
func readProviderConfigs(path string) ([]providerConfig, error) {
	files, err := providerFiles(path)
	if err != nil {
		return nil, err
	}
	var all []providerConfig
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		data, err := readFile(file, info)
		if err != nil {
			return nil, err
		}
		providers, err := decodeProviders(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		all = append(all, providers...)
	}
	return all, validateProviders(all).ToAggregate()
}

func providerFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		extension := filepath.Ext(entry.Name())
		if !entry.IsDir() && slices.Contains([]string{".json", ".yaml", ".yml"}, extension) {
			files = append(files, filepath.Join(path, entry.Name()))
		}
	}
	if len(files) == 0 {
		return nil, errors.New("the directory has no *.json, *.yaml or *.yml: name the kubelet's --image-credential-provider-config")
	}
	return files, nil
}

// decodeProviders takes no field that its version does not know, and no field
// twice.
func decodeProviders(data []byte) ([]providerConfig, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		converted, err := yaml.YAMLToJSONStrict(data)
		if err != nil {
			return nil, err
		}
		data = converted
	}
	var file metav1.TypeMeta
	if err := json.UnmarshalCaseSensitivePreserveInts(data, &file); err != nil {
		return nil, err
	}
	version, _ := strings.CutPrefix(file.APIVersion, configGroup)
	switch {
	case file.Kind != "CredentialProviderConfig" || version == file.APIVersion:
	case version == "v1":
		return decodeStrictly[providerConfig](data)
	case version == "v1beta1", version == "v1alpha1":
		older, err := decodeStrictly[olderConfig](data)
		providers := make([]providerConfig, len(older))
		for i := range older {
			providers[i].olderConfig = older[i]
		}
		return providers, err
	}
	return nil, fmt.Errorf("kind %s of apiVersion %s is not known: want CredentialProviderConfig of %sv1", dockerconfig.Quote(file.Kind), dockerconfig.Quote(file.APIVersion), configGroup)
}

func decodeStrictly[T any](data []byte) ([]T, error) {
	var file providersFile[T]
	strict, err := json.UnmarshalStrict(data, &file)
	for _, problem := range strict {
		err = and(err, problem)
	}
	return file.Providers, err
}

// validateProviders finds what the kubelet would find
// (validateCredentialProviderConfig).
func validateProviders(providers []providerConfig) field.ErrorList {
	root := field.NewPath("providers")
	if len(providers) == 0 {
		return field.ErrorList{field.Required(root, "at least one provider")}
	}
	var found field.ErrorList
	seen := make(map[string]bool)
	for i, one := range providers {
		path := root.Index(i)
		if seen[one.Name] {
			found = append(found, field.Duplicate(path.Child("name"), one.Name))
		}
		seen[one.Name] = true
		found = append(found, one.validate(path)...)
	}
	return found
}

func (p providerConfig) validate(path *field.Path) field.ErrorList {
	var found field.ErrorList
	if p.Name == "" || p.Name == "." || p.Name == ".." || strings.ContainsAny(p.Name, "/ ") {
		found = append(found, field.Invalid(path.Child("name"), p.Name, "must be the name of a program, without / and spaces"))
	}
	if !slices.Contains(requestVersions(), p.APIVersion) {
		found = append(found, field.NotSupported(path.Child("apiVersion"), p.APIVersion, requestVersions()))
	}
	if len(p.MatchImages) == 0 {
		found = append(found, field.Required(path.Child("matchImages"), "at least one host"))
	}
	for i, glob := range p.MatchImages {
		if err := dockerconfig.CheckGlob(glob); err != nil {
			found = append(found, field.Invalid(path.Child("matchImages").Index(i), glob, err.Error()))
		}
	}
	switch duration := p.DefaultCacheDuration; {
	case duration == nil:
		found = append(found, field.Required(path.Child("defaultCacheDuration"), "0s for none"))
	case duration.Duration < 0:
		found = append(found, field.Invalid(path.Child("defaultCacheDuration"), duration.Duration.String(), "must not be negative"))
	}
	if p.TokenAttributes != nil {
		found = append(found, p.TokenAttributes.validate(path.Child("tokenAttributes"), p.APIVersion)...)
	}
	return found
}

func (a *tokenAttributes) validate(path *field.Path, version string) field.ErrorList {
	var found field.ErrorList
	if version != responseGroup+"v1" {
		found = append(found, field.Forbidden(path, "only for apiVersion "+responseGroup+"v1"))
	}
	if a.Audience == "" {
		found = append(found, field.Required(path.Child("serviceAccountTokenAudience"), ""))
	}
	if known := []string{cacheByAccount, cacheByToken}; !slices.Contains(known, a.CacheType) {
		found = append(found, field.NotSupported(path.Child("cacheType"), a.CacheType, known))
	}
	switch {
	case a.RequireServiceAccount == nil:
		found = append(found, field.Required(path.Child("requireServiceAccount"), ""))
	case !*a.RequireServiceAccount && len(a.RequiredKeys) > 0:
		found = append(found, field.Forbidden(path.Child("requiredServiceAccountAnnotationKeys"), "only where requireServiceAccount is true"))
	}
	keys := append(slices.Clone(a.RequiredKeys), a.OptionalKeys...)
	return append(found, validateAnnotationKeys(path, keys)...)
}

// validateAnnotationKeys wants every key once in both lists together.
func validateAnnotationKeys(path *field.Path, keys []string) field.ErrorList {
	var found field.ErrorList
	seen := make(map[string]bool)
	for _, key := range keys {
		for _, problem := range validation.IsQualifiedName(strings.ToLower(key)) {
			found = append(found, field.Invalid(path, key, problem))
		}
		if seen[key] {
			found = append(found, field.Duplicate(path, key))
		}
		seen[key] = true
	}
	return found
}
