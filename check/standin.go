package check

import (
	"encoding/json"
	"slices"
	"strings"
)

// standIn is a kind of object from which a controller makes a Secret.
type standIn struct {
	group, kind string
	// names are paths to the Secret's name, of which a list on the way gives
	// several. Where there is none it has the object's own.
	names []string
	// anywhere says that it is made in namespaces that a selector chooses.
	anywhere bool
}

// hashicorp is the group of the Vault Secrets Operator.
const hashicorp = "secrets.hashicorp.com"

// destination is where that operator names the Secret.
func destination() []string { return []string{"spec.destination.name"} }

// standIns are the usual ones.
func standIns() []standIn {
	return []standIn{
		{group: "bitnami.com", kind: "SealedSecret", names: []string{"spec.template.metadata.name"}},
		{group: "external-secrets.io", kind: "ExternalSecret", names: []string{"spec.target.name"}},
		{group: "external-secrets.io", kind: "ClusterExternalSecret", names: []string{"spec.externalSecretSpec.target.name", "spec.externalSecretName"}, anywhere: true},
		{group: "kubernetes-client.io", kind: "ExternalSecret"},
		{group: hashicorp, kind: "VaultStaticSecret", names: destination()},
		{group: hashicorp, kind: "VaultDynamicSecret", names: destination()},
		{group: hashicorp, kind: "HCPVaultSecretsApp", names: destination()},
		{group: "ricoberger.de", kind: "VaultSecret"},
		{group: "koudingspawn.de", kind: "Vault"},
		{group: "isindir.github.com", kind: "SopsSecret", names: []string{"spec.secretTemplates.name"}},
		{group: "craftypath.github.io", kind: "SopsSecret"},
		{group: "secrets-store.csi.x-k8s.io", kind: "SecretProviderClass", names: []string{"spec.secretObjects.secretName"}},
		{group: "spv.no", kind: "AzureKeyVaultSecret", names: []string{"spec.output.secret.name"}},
		{group: "onepassword.com", kind: "OnePasswordItem"},
		{group: "secrets.infisical.com", kind: "InfisicalSecret", names: []string{"spec.managedSecretReference.secretName", "spec.managedKubeSecretReferences.secretName"}},
		{group: "secrets.doppler.com", kind: "DopplerSecret", names: []string{"spec.managedSecret.name"}},
		{group: "k8s.bitwarden.com", kind: "BitwardenSecret", names: []string{"spec.secretName"}},
		{group: "lockbox.bitpoke.io", kind: "ClusterSecret"},
	}
}

// secretsMadeOf returns the names of the Secrets that a controller makes of an
// object, and whether it is in namespaces that cannot be told.
func secretsMadeOf(head header, raw []byte) (names []string, anywhere bool) {
	all := standIns()
	i := slices.IndexFunc(all, func(s standIn) bool { return s.group == head.group() && s.kind == head.Kind })
	if i < 0 {
		return nil, false
	}
	var object any
	if json.Unmarshal(raw, &object) != nil {
		return nil, false
	}
	for _, path := range all[i].names {
		names = append(names, textsAt(object, strings.Split(path, "."))...)
	}
	if len(names) == 0 {
		names = []string{head.Metadata.Name}
	}
	return names, all[i].anywhere
}

// textsAt returns the texts to which a path leads, by way of all elements of
// lists.
func textsAt(value any, path []string) (texts []string) {
	switch at := value.(type) {
	case []any:
		for _, element := range at {
			texts = append(texts, textsAt(element, path)...)
		}
	case map[string]any:
		if len(path) > 0 {
			return textsAt(at[path[0]], path[1:])
		}
	case string:
		if len(path) == 0 && at != "" {
			return []string{at}
		}
	}
	return texts
}
