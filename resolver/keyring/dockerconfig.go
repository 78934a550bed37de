package keyring

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// errAuthField is the kubelet's text for an "auth" that has no colon
// (pkg/credentialprovider/config.go, decodeDockerConfigFieldAuth).
var errAuthField = errors.New("unable to parse auth field, must be formatted as base64(username:password)")

// dockerConfigJSON is the content of config.json. The kubelet ignores every
// other field, credsStore and credHelpers among them, but refuses HttpHeaders
// of another shape.
type dockerConfigJSON struct {
	Auths       dockerConfig      `json:"auths"`
	HTTPHeaders map[string]string `json:"HttpHeaders"`
}

// dockerConfig is the content of .dockercfg: entries by registry address.
type dockerConfig map[string]entry

// entry is what the kubelet takes from an entry; identitytoken and
// registrytoken are nothing to it.
type entry struct {
	username, password string
}

// entryFields are the fields of an entry as they are written.
type entryFields struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Email    string `json:"email"`
	Auth     string `json:"auth"`
}

// UnmarshalJSON lets "auth" override the other two fields.
func (e *entry) UnmarshalJSON(data []byte) error {
	var fields entryFields
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*e = entry{username: fields.Username, password: fields.Password}
	if fields.Auth == "" {
		return nil
	}
	var err error
	e.username, e.password, err = splitAuth(fields.Auth)
	return err
}

// splitAuth decodes base64(username:password). Padding decides which alphabet
// is read, and nothing is trimmed from what comes out; blanks are looked
// through only to find the padding, and are then an error.
func splitAuth(auth string) (username, password string, err error) {
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(strings.TrimSpace(auth), "=") {
		encoding = base64.StdEncoding
	}
	decoded, err := encoding.DecodeString(auth)
	if err != nil {
		return "", "", err
	}
	username, password, found := strings.Cut(string(decoded), ":")
	if !found {
		return "", "", errAuthField
	}
	return username, password, nil
}

// parseDockerConfig reads a config.json, or a .dockercfg where legacy says so.
func parseDockerConfig(data []byte, legacy bool) (dockerConfig, error) {
	if legacy {
		var config dockerConfig
		err := json.Unmarshal(data, &config)
		return config, err
	}
	var file dockerConfigJSON
	err := json.Unmarshal(data, &file)
	return file.Auths, err
}

// kubeletText is the error of parseDockerConfig as the kubelet words it. The
// kubelet shows encoding/json's own text, in which the names of its types
// occur. No text holds more of the secret than one byte.
func kubeletText(err error) string {
	var wrongType *json.UnmarshalTypeError
	if !errors.As(err, &wrongType) {
		return err.Error()
	}
	return strings.NewReplacer(
		"keyring.", "credentialprovider.",
		"dockerConfigJSON", "DockerConfigJSON",
		"dockerConfig", "DockerConfig",
		"entryFields", "dockerConfigEntryWithAuth",
	).Replace(err.Error())
}

// locations are the config's keys, sorted: the kubelet meets them in the order
// of a Go map, which is none.
func (c dockerConfig) locations() []string {
	return slices.Sorted(maps.Keys(c))
}
