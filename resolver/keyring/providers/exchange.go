package providers

import (
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	strictjson "sigs.k8s.io/json"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// responseGroup is the API group of the exchange with a provider.
const responseGroup = "credentialprovider.kubelet.k8s.io/"

// requestVersions are those in which providers can be asked.
func requestVersions() []string {
	return []string{responseGroup + "v1", responseGroup + "v1beta1", responseGroup + "v1alpha1"}
}

// request is a CredentialProviderRequest.
type request struct {
	metav1.TypeMeta `json:",inline"`
	Image           string            `json:"image"`
	Token           string            `json:"serviceAccountToken,omitempty"`
	Annotations     map[string]string `json:"serviceAccountAnnotations,omitempty"`
}

// response is a CredentialProviderResponse.
type response struct {
	metav1.TypeMeta `json:",inline"`
	CacheKeyType    string           `json:"cacheKeyType"`
	CacheDuration   *metav1.Duration `json:"cacheDuration"`
	Auth            map[string]struct {
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"auth"`
}

// config is the response's credentials as entries.
func (r *response) config() dockerconfig.Config {
	config := make(dockerconfig.Config, len(r.Auth))
	for address, login := range r.Auth {
		config[address] = dockerconfig.Entry{Username: login.Username, Password: login.Password}
	}
	return config
}

// echoes tells whether a token that was given comes back as a password. The
// kubelet takes that only from providers whose answers it keeps by token
// (plugin.go, provide).
func (r *response) echoes(token string) bool {
	for _, login := range r.Auth {
		if token != "" && login.Password == token {
			return true
		}
	}
	return false
}

// parseResponse reads a provider's answer as strictly as the kubelet does. What
// does not parse may hold credentials, so it is not quoted.
func parseResponse(output []byte, version string) (*response, error) {
	answer := new(response)
	if err := json.Unmarshal(output, &answer.TypeMeta); err != nil {
		return nil, errors.New("its answer is not JSON")
	}
	if answer.APIVersion != version {
		return nil, fmt.Errorf("its answer has another apiVersion than %s, which it was asked in", version)
	}
	if answer.Kind != "CredentialProviderResponse" {
		return nil, errors.New("its answer is of another kind than CredentialProviderResponse")
	}
	strict, err := strictjson.UnmarshalStrict(output, answer)
	if err != nil || len(strict) > 0 {
		return nil, errors.New("its answer is not a well-formed CredentialProviderResponse")
	}
	return answer, nil
}
