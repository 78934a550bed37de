package nodeprofile

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pullgate/pullgate/resolver/keyring/dockerconfig"
)

// fingerprint is that of a user name and a password; empty where both are.
func fingerprint(username, password string) string {
	if username == "" && password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(username + "\x00" + password))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// credentialOf names a credential of a runtime's. "auth" counts where user name
// and password are empty.
func credentialOf(registry, file string, auth tree) Credential {
	username, password := auth.text("username"), auth.text("password")
	if decoded, err := base64.StdEncoding.DecodeString(auth.text("auth")); err == nil && username == "" {
		username, password, _ = strings.Cut(string(decoded), ":")
	}
	return Credential{Registry: registry, From: file, Fingerprint: fingerprint(username, password)}
}

// readDockerConfig names the credentials of a config.json. Which of several there
// are the kubelet reads (pkg/credentialprovider/config.go, ReadDockerConfigFile,
// ReadDockercfgFile): the first that it can.
func readDockerConfig(r *root, folders ...string) []Credential {
	for _, file := range []string{"config.json", ".dockercfg"} {
		for _, folder := range folders {
			if found := readDockerFile(r, path.Join(folder, file)); found != nil {
				return found
			}
		}
	}
	return nil
}

// readDockerFile names the credentials of one file; nil where it has none to
// read.
func readDockerFile(r *root, name string) []Credential {
	data := r.read(name)
	if data == nil {
		return nil
	}
	config, err := dockerconfig.Parse(data, path.Base(name) == ".dockercfg")
	if err != nil {
		r.problem(name, "is no docker configuration")
		return nil
	}
	return named(config, name)
}

func named(config dockerconfig.Config, file string) []Credential {
	all := []Credential{}
	for _, location := range config.Locations() {
		entry := config[location]
		registry, _ := hostOf(location)
		all = append(all, Credential{
			Registry: cmp.Or(strings.TrimPrefix(strings.TrimPrefix(registry.URL, "https://"), "http://"), location),
			From:     file, Fingerprint: fingerprint(entry.Username, entry.Password),
		})
	}
	return all
}

// ReadDockerConfig names the credentials of a config.json on this machine, to be
// compared with those of a profile. What cannot be read has none.
func ReadDockerConfig(file string) []Credential {
	absolute, err := filepath.Abs(file)
	if file == "" || err != nil {
		return nil
	}
	return readDockerFile(&root{dir: "/"}, filepath.ToSlash(absolute))
}

// among tells whether a credential is one of others: for the same registry, and of the
// same fingerprint, if it has one.
func (c Credential) among(others []Credential) bool {
	return slices.ContainsFunc(others, func(other Credential) bool {
		return other.Registry == c.Registry && (c.Fingerprint == "" || c.Fingerprint == other.Fingerprint)
	})
}
