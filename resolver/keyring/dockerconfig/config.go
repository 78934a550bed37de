package dockerconfig

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

// file is the content of config.json. The kubelet ignores every other field,
// credsStore and credHelpers among them, but refuses HttpHeaders of another
// shape.
type file struct {
	Auths       Config            `json:"auths"`
	HTTPHeaders map[string]string `json:"HttpHeaders"`
}

// Config is the content of .dockercfg: entries by registry address.
type Config map[string]Entry

// Entry is what the kubelet takes from an entry; identitytoken and
// registrytoken are nothing to it.
type Entry struct {
	Username, Password string
	// Differs says that auth, by which nodes go, says something else than
	// username and password do.
	Differs bool
}

// String says that there is something, not what.
func (Entry) String() string { return "an entry" }

// GoString is for %#v.
func (e Entry) GoString() string { return e.String() }

// entryFields are the fields of an entry as they are written.
type entryFields struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Email    string `json:"email"`
	Auth     string `json:"auth"`
}

// UnmarshalJSON lets "auth" override the other two fields.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var fields entryFields
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	*e = Entry{Username: fields.Username, Password: fields.Password}
	if fields.Auth == "" {
		return nil
	}
	var err error
	e.Username, e.Password, err = splitAuth(fields.Auth)
	e.Differs = fields.Username != "" && fields.Username != e.Username || fields.Password != "" && fields.Password != e.Password
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

// Parse reads a config.json, or a .dockercfg where legacy says so.
func Parse(data []byte, legacy bool) (Config, error) {
	if legacy {
		var config Config
		err := json.Unmarshal(data, &config)
		return config, err
	}
	var read file
	err := json.Unmarshal(data, &read)
	return read.Auths, err
}

// KubeletText is the error of Parse as the kubelet words it. The kubelet shows
// encoding/json's own text, in which the names of its types occur. No text holds more of the secret than one byte.
func KubeletText(err error) string {
	var wrongType *json.UnmarshalTypeError
	if !errors.As(err, &wrongType) {
		return err.Error()
	}
	return strings.NewReplacer(
		"dockerconfig.file", "credentialprovider.DockerConfigJSON",
		"dockerconfig.Config", "credentialprovider.DockerConfig",
		"dockerconfig.entryFields", "credentialprovider.dockerConfigEntryWithAuth",
		" field file.", " field DockerConfigJSON.",
		" field entryFields.", " field dockerConfigEntryWithAuth.",
	).Replace(err.Error())
}

// Locations are the keys, sorted: the kubelet meets them in the order
// of a Go map, which is none.
func (c Config) Locations() []string {
	return slices.Sorted(maps.Keys(c))
}
