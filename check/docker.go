package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// hubKey is under what docker keeps Docker Hub's credentials.
	hubKey = "https://index.docker.io/v1/"
	hub    = "docker.io"
	// helperLimit is how long a credential helper may take: some ask the user,
	// who may not be there.
	helperLimit = 10 * time.Second
)

// forNodes is told with every credential of the user's: another one at the
// nodes may be better.
const forNodes keyring.Elsewhere = "the user's docker configuration stands for them, and the nodes may hold others"

// Docker is the user's docker configuration, or podman's, with credential
// helpers. It stands for the nodes' credentials: a keyring.NodeSource.
type Docker struct {
	// Path is the file; "" where there is none.
	Path string
	// Err is what is wrong with it.
	Err error

	file    *configfile.ConfigFile
	entries memory[string, entry]
}

// entry is what was found under a key; err is the helper's.
type entry struct {
	auth types.AuthConfig
	err  error
}

// NewDocker reads the file that docker would, else podman's.
func NewDocker() *Docker {
	d := &Docker{}
	for _, path := range dockerPaths() {
		file, err := os.Open(path) //nolint:gosec // the user's own
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		d.Path = path
		if err != nil {
			d.Err = err
			return d
		}
		defer file.Close() //nolint:errcheck // it was only read
		if d.file, err = config.LoadFromReader(file); err != nil {
			// The error may quote a part of the file.
			d.Err = errors.New("it is not a docker configuration: malformed JSON, or an auth that is not base64 of NAME:PASSWORD")
		}
		return d
	}
	if os.Getenv(configfile.DockerEnvConfigKey) != "" {
		d.Path, d.file = "$"+configfile.DockerEnvConfigKey, configfile.New("")
	}
	return d
}

// dockerPaths lists the files that count, the first that exists alone.
func dockerPaths() []string {
	var paths []string
	add := func(base, file string) {
		if base != "" {
			paths = append(paths, filepath.Join(base, file))
		}
	}
	home, _ := os.UserHomeDir() // without one there is nothing to read there
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker/config.json")
	}
	add(os.Getenv("REGISTRY_AUTH_FILE"), "")
	add(os.Getenv("XDG_RUNTIME_DIR"), "containers/auth.json")
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers/auth.json")
	} else {
		add(home, ".config/containers/auth.json")
	}
	return paths
}

// Lookup returns the credential for a repository: podman's for a part of the
// registry, else that of the registry. Its errors say that nodes may do better.
func (d *Docker) Lookup(ctx context.Context, _ *keyring.Account, repository string) ([]pull.Credential, error) {
	if d.Err != nil {
		return nil, keyring.Elsewhere(fmt.Sprintf("the user's docker configuration %s cannot be read: %v", d.Path, d.Err))
	}
	if d.file == nil {
		return nil, nil
	}
	key := d.keyFor(repository)
	auth, err := d.get(ctx, key)
	switch {
	case err != nil:
		return nil, keyring.Elsewhere(fmt.Sprintf("the credential helper of the user's docker configuration failed for %s: %v", key, err))
	case auth.Username != "" && auth.Username != "<token>" && auth.Password != "":
		return []pull.Credential{pull.NewCredential(pull.Source{Kind: pull.FromDocker}, auth.Username, auth.Password)}, forNodes
	case auth.IdentityToken != "" || auth.RegistryToken != "" || auth.Username == "<token>":
		return nil, keyring.Elsewhere(fmt.Sprintf("the user's docker configuration has only a token for %s, which nodes cannot use: it is passed over", key))
	default:
		return nil, nil
	}
}

// keyFor returns the longest key for a part of the registry, else the
// registry's own.
func (d *Docker) keyFor(repository string) string {
	host, _, _ := strings.Cut(repository, "/")
	for part := repository; strings.Contains(part, "/"); part = part[:strings.LastIndexByte(part, '/')] {
		if _, ok := d.file.AuthConfigs[part]; ok {
			return part
		}
	}
	if _, podmans := d.file.AuthConfigs[host]; host != hub || podmans {
		return host
	}
	return hubKey
}

// get asks for a key once: a helper is a program that takes its time. Who goes
// away while it does learns nothing, and nothing is remembered of that.
func (d *Docker) get(ctx context.Context, key string) (types.AuthConfig, error) {
	found, err := d.entries.ask(ctx, key, func(ctx context.Context) (entry, error) { return d.ask(ctx, key) })
	if err != nil {
		return types.AuthConfig{}, err
	}
	return found.auth, found.err
}

// ask waits for a helper no longer than it should take. The library offers no
// way to end it.
func (d *Docker) ask(ctx context.Context, key string) (entry, error) {
	answered := make(chan entry, 1)
	go func() { answered <- d.read(key) }()
	select {
	case found := <-answered:
		return found, nil
	case <-time.After(helperLimit):
		return entry{err: fmt.Errorf("it did not answer in %s", helperLimit)}, nil
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// read returns what the file or a helper has.
func (d *Docker) read(key string) entry {
	if auth, podmans := d.file.AuthConfigs[key]; podmans && key == hub {
		return entry{auth: auth} // the library would look under docker's key
	}
	auth, err := d.file.GetAuthConfig(key)
	if err != nil {
		// The error quotes whatever the helper wrote.
		err = fmt.Errorf("`docker-credential-%s get` says why, given the name of the registry", d.helper(key))
	}
	return entry{auth, err}
}

// helper is the name of the helper for a key.
func (d *Docker) helper(key string) string {
	if own, ok := d.file.CredentialHelpers[key]; ok {
		return own
	}
	return d.file.CredentialsStore
}

// String names the file, for the report.
func (d *Docker) String() string {
	switch {
	case d.Path == "":
		return "no docker configuration"
	case d.Err != nil:
		return "docker configuration " + d.Path + " (cannot be read)"
	default:
		return "docker configuration " + d.Path
	}
}
