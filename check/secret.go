package check

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// secretFault is why the API server refuses a Secret. It quotes nothing of what
// the Secret holds.
type secretFault struct {
	// field is a path for manifest.Object.Find.
	field, what, hint string
}

// secretManifest is a Secret as it is written.
type secretManifest struct {
	Metadata struct {
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Type       string         `json:"type"`
	Data       map[string]any `json:"data"`
	StringData map[string]any `json:"stringData"`
	// SOPS is where the tool of that name writes with which keys it encrypted.
	SOPS any `json:"sops"`
}

// readSecret reads a Secret as the API server takes it (Kubernetes
// pkg/apis/core/v1/conversion.go, Convert_v1_Secret_To_core_Secret). Where it is
// not filled in yet that is what unfilled says, and where the API server would
// refuse it there is a fault; it is one of the three.
func readSecret(raw []byte) (secret *corev1.Secret, unfilled string, fault *secretFault) {
	var written secretManifest
	if err := json.Unmarshal(raw, &written); err != nil {
		return nil, "", shapeFault(err)
	}
	if unfilled = written.unfilled(); unfilled != "" {
		return nil, unfilled, nil
	}
	secret = &corev1.Secret{Type: corev1.SecretType(written.Type), Data: map[string][]byte{}}
	secret.Annotations = written.Metadata.Annotations
	if secret.Type == "" {
		secret.Type = corev1.SecretTypeOpaque
	}
	if fault = written.decode(secret.Data); fault != nil {
		return nil, "", fault
	}
	if key := configKey(secret.Type); key != "" {
		if unfilled = unfilledConfig(secret.Data[key]); unfilled != "" {
			return nil, unfilled, nil
		}
	}
	if fault = validateSecret(secret, written.field); fault != nil {
		return nil, "", fault
	}
	return secret, "", nil
}

// shapeFault says what is not as a Secret is.
func shapeFault(err error) *secretFault {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return &secretFault{field: wrong.Field, what: wrong.Field + " is not as it is in a Secret: under data are texts in base64, under stringData plain ones"}
	}
	return &secretFault{what: "it is not as a Secret is"}
}

// unfilled says what keeps the Secret from being what the cluster will hold: it
// is encrypted, or holds placeholders.
func (m *secretManifest) unfilled() string {
	if m.SOPS != nil {
		return "encrypted"
	}
	what := unfilledText(m.Type)
	for _, values := range []map[string]any{m.Data, m.StringData} {
		for _, value := range values {
			if text, ok := value.(string); ok && what == "" {
				what = unfilledText(text)
			}
		}
	}
	return what
}

// field is the path of a key's value.
func (m *secretManifest) field(key string) string {
	in := "data"
	if _, plain := m.StringData[key]; plain {
		in = "stringData"
	}
	return fmt.Sprintf("%s[%q]", in, key)
}

// decode fills data in; what is plain wins.
func (m *secretManifest) decode(data map[string][]byte) *secretFault {
	for _, key := range slices.Sorted(maps.Keys(m.Data)) {
		text, ok := textOf(m.Data[key])
		if !ok {
			return m.noText("data", key)
		}
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return notBase64(fmt.Sprintf("data[%q]", key), text)
		}
		data[key] = decoded
	}
	for _, key := range slices.Sorted(maps.Keys(m.StringData)) {
		text, ok := textOf(m.StringData[key])
		if !ok {
			return m.noText("stringData", key)
		}
		data[key] = []byte(text)
	}
	return nil
}

// textOf returns a text; nothing at all is an empty one.
func textOf(value any) (text string, ok bool) {
	if value == nil {
		return "", true
	}
	text, ok = value.(string)
	return text, ok
}

func (m *secretManifest) noText(in, key string) *secretFault {
	return &secretFault{field: fmt.Sprintf("%s[%q]", in, key), what: fmt.Sprintf("%s: the value of %q is no text", in, key), hint: "put it into quotes"}
}

// notBase64 says so, and why if it shows.
func notBase64(field, text string) *secretFault {
	fault := &secretFault{field: field, what: field + ": not base64"}
	trimmed := bytes.TrimSpace([]byte(text))
	switch {
	case bytes.ContainsFunc(trimmed, unicode.IsSpace):
		fault.what += ": there is white space in it"
		fault.hint = "write it in one line, or as a block that begins with | and not with >"
	case json.Valid(trimmed):
		fault.hint = "it is plain text: put it under stringData, or encode it with `base64 -w0`"
	case len(trimmed) != len(text):
		fault.what += ": there is white space around it"
		fault.hint = "take the white space away"
	default:
		fault.hint = "encode it with `base64 -w0`, or put the plain text under stringData"
	}
	return fault
}

// configKey is under what a pull secret holds its registries; "" for Secrets of
// other types.
func configKey(of corev1.SecretType) string {
	switch of {
	case corev1.SecretTypeDockerConfigJson:
		return corev1.DockerConfigJsonKey
	case corev1.SecretTypeDockercfg:
		return corev1.DockerConfigKey
	default:
		return ""
	}
}

// requiredKeys are those that a Secret of a type has to have (Kubernetes 1.36,
// pkg/apis/core/validation/validation.go, ValidateSecret).
func requiredKeys(of corev1.SecretType) []string {
	switch of {
	case corev1.SecretTypeSSHAuth:
		return []string{corev1.SSHAuthPrivateKey}
	case corev1.SecretTypeTLS:
		return []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey}
	case corev1.SecretTypeDockerConfigJson, corev1.SecretTypeDockercfg:
		return []string{configKey(of)}
	default:
		return nil
	}
}

// validateSecret finds what the API server refuses (ValidateSecret, as above).
// Field says where a key's value stands.
func validateSecret(secret *corev1.Secret, field func(key string) string) *secretFault {
	size := 0
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		if wrong := validation.IsConfigMapKey(key); len(wrong) > 0 {
			return &secretFault{field: field(key), what: fmt.Sprintf("%q is no key for a Secret: %s", key, wrong[0])}
		}
		size += len(secret.Data[key])
	}
	if size > corev1.MaxSecretSize {
		return &secretFault{field: "data", what: fmt.Sprintf("it holds %d bytes, and a Secret at most %d", size, corev1.MaxSecretSize)}
	}
	for _, key := range requiredKeys(secret.Type) {
		if _, ok := secret.Data[key]; !ok {
			return &secretFault{field: "type", what: fmt.Sprintf("a Secret of type %s has to have the key %q", secret.Type, key)}
		}
	}
	if _, user := secret.Data[corev1.BasicAuthUsernameKey]; secret.Type == corev1.SecretTypeBasicAuth && !user {
		if _, password := secret.Data[corev1.BasicAuthPasswordKey]; !password {
			return &secretFault{field: "type", what: fmt.Sprintf("a Secret of type %s has to have the key username or password", secret.Type)}
		}
	}
	if secret.Type == corev1.SecretTypeServiceAccountToken && secret.Annotations[corev1.ServiceAccountNameKey] == "" {
		return &secretFault{field: "type", what: fmt.Sprintf("a Secret of type %s has to name the account in the annotation %s", secret.Type, corev1.ServiceAccountNameKey)}
	}
	if key := configKey(secret.Type); key != "" {
		return validateConfig(secret.Data[key], field(key))
	}
	return nil
}

// validateConfig finds out whether a pull secret holds an object of JSON.
func validateConfig(content []byte, field string) *secretFault {
	var object map[string]any
	err := json.Unmarshal(content, &object)
	if err == nil {
		return nil
	}
	fault := &secretFault{field: field, what: field + ": not an object of JSON", hint: "create it anew with `kubectl create secret docker-registry`"}
	var syntax *json.SyntaxError
	decoded, notAgain := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(content)))
	switch {
	case len(content) == 0:
		fault.what += ": there is nothing"
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")), bytes.HasPrefix(content, []byte("\xff\xfe")):
		fault.what += ": it begins with a byte order mark"
		fault.hint = "save it as UTF-8 without a byte order mark"
	case notAgain == nil && json.Unmarshal(decoded, &object) == nil:
		fault.what += ": it is encoded twice"
		fault.hint = "encode it once, or put what it is now under stringData"
	case errors.As(err, &syntax):
		fault.what += fmt.Sprintf(": it ceases to be JSON at byte %d", syntax.Offset)
	}
	return fault
}
