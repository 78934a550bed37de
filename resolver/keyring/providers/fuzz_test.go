package providers

import (
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
	"github.com/pullgate/pullgate/resolver/pull"
)

// FuzzResponse: whatever a provider answers, reading it does not panic, an
// error tells nothing of it, and what is read is matched without panic.
func FuzzResponse(f *testing.F) {
	const version = "credentialprovider.kubelet.k8s.io/v1"
	for _, text := range []string{answer("Image", "1h", "quay.io", "*.io"), answer("Global", "0s"), answer(marker, marker, marker), "{}", "[]", "null", marker} {
		f.Add(strings.ReplaceAll(text, "VERSION", version), "quay.io/app")
	}
	f.Fuzz(func(t *testing.T, output, repository string) {
		read, err := parseResponse([]byte(output), version)
		if err != nil {
			if strings.Contains(err.Error(), marker) || len(err.Error()) > 200 {
				t.Errorf("%q gives the error %q", output, err)
			}
			return
		}
		var kept dockerconfig.Index
		kept.Add(pull.Source{Kind: pull.FromProvider, Name: "p"}, read.config().Logins())
		kept.Sort()
		for _, credential := range kept.Lookup(repository) {
			if credential.Source().String() != "provider/p" {
				t.Errorf("the source is %q", credential.Source())
			}
		}
	})
}

// FuzzConfig: whatever a CredentialProviderConfig says, what is taken of it has
// names of programs in its own folder.
func FuzzConfig(f *testing.F) {
	for _, version := range []string{"v1", "v1beta1", "v1alpha1", "v2"} {
		for _, provider := range []string{
			`{name: p, matchImages: ["*.io"], defaultCacheDuration: 1h, apiVersion: credentialprovider.kubelet.k8s.io/v1}`, `{name: ../p, matchImages: [a]}`, `{}`, `null`, `{name: a b, args: [1]}`,
			`{name: p, matchImages: ["*.io"], defaultCacheDuration: 1h, apiVersion: credentialprovider.kubelet.k8s.io/v1, tokenAttributes: {serviceAccountTokenAudience: a, requireServiceAccount: true, cacheType: Token}}`,
		} {
			f.Add("apiVersion: kubelet.config.k8s.io/" + version + "\nkind: CredentialProviderConfig\nproviders: [" + provider + "]\n")
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, err := decodeProviders([]byte(text))
		if err != nil || len(validateProviders(read)) > 0 {
			return
		}
		for _, provider := range read {
			if strings.ContainsAny(provider.Name, "/\\ ") || provider.Name == "." || provider.Name == ".." || provider.Name == "" {
				t.Errorf("%q is taken for a program", provider.Name)
			}
		}
	})
}
