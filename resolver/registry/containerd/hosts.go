package containerd

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// Mode is how much of hosts.toml counts on the way to a registry.
type Mode uint8

const (
	// ByHosts goes as hosts.toml says.
	ByHosts Mode = iota
	// Direct leaves out the mirrors, of which only containerd knows.
	Direct
	// Plain heeds no hosts.toml.
	Plain
)

// Hosts knows where to ask for a registry's images.
type Hosts struct {
	// Dir is containerd's certs.d, or a list of such directories; empty: none.
	Dir string
	// Wire carries what is asked.
	Wire *wire.Wire
	// Complaints hear of what the library logs as an error, such as a
	// hosts.toml that cannot be read; nil: nobody does.
	Complaints *Complaints
}

// For reads hosts.toml and returns the hosts to ask for a registry's images
// with a credential, one after the other and the registry itself last.
func (h Hosts) For(ctx context.Context, registry string, credential pull.Credential, mode Mode) ([]docker.RegistryHost, error) {
	hosts, err := h.configure(h.Complaints.listen(ctx), registry, credential, mode)
	if err != nil {
		return nil, fmt.Errorf("registry hosts: %w", err)
	}
	if len(hosts) == 0 {
		return nil, fmt.Errorf("hosts.toml names no host for %s", registry)
	}
	return hosts, nil
}

func (h Hosts) configure(ctx context.Context, registry string, credential pull.Credential, mode Mode) ([]docker.RegistryHost, error) {
	options := config.HostOptions{
		// The kubelet fills in no server address, so that containerd offers
		// the credential to every host that challenges, mirrors included
		// (internal/cri/server/images/image_pull.go, ParseAuth).
		Credentials: func(string) (string, string, error) {
			username, password := credential.Basic()
			return username, password, nil
		},
		UpdateClient: h.Wire.Equip,
	}
	if h.Dir != "" && mode != Plain {
		options.HostDir = hostDir(h.Dir)
	}
	hosts, err := config.ConfigureHosts(ctx, options)(registry)
	if err != nil || mode != Direct {
		return hosts, err
	}
	if own := ownHosts(hosts, registry); len(own) > 0 {
		return own, nil
	}
	options.HostDir = nil
	return config.ConfigureHosts(ctx, options)(registry)
}

// Quiet gives the library a logger that says nothing: it logs each failed host
// at info.
func Quiet(ctx context.Context) context.Context { return log.WithLogger(ctx, quiet()) }

var quiet = sync.OnceValue(func() *log.Entry {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.PanicLevel)
	return logrus.NewEntry(logger)
})

// ownHosts returns those of the hosts that are the registry itself: what
// hosts.toml says of its certificates helps to reach it.
func ownHosts(hosts []docker.RegistryHost, registry string) []docker.RegistryHost {
	itself, err := docker.DefaultHost(registry)
	var own []docker.RegistryHost
	for _, host := range hosts {
		if err == nil && host.Host == itself && host.Path == "/v2" {
			own = append(own, host)
		}
	}
	return own
}

// hostDir looks a host up in the directories of a list, such as containerd's
// default of /etc/containerd/certs.d:/etc/docker/certs.d, as the CRI plugin
// does (internal/cri/server/images/image_pull.go, hostDirFromRoots).
func hostDir(list string) func(string) (string, error) {
	return func(host string) (string, error) {
		for _, root := range filepath.SplitList(list) {
			dir, err := config.HostDirFromRoot(root)(host)
			if err == nil || !errdefs.IsNotFound(err) {
				return dir, err
			}
		}
		return "", errdefs.ErrNotFound
	}
}

// Listed tells whether what hosts.toml says of a registry stands in one of
// several directories.
func (h Hosts) Listed(registry string) bool {
	if !strings.ContainsRune(h.Dir, filepath.ListSeparator) {
		return false
	}
	dir, err := hostDir(h.Dir)(registry)
	return err == nil && dir != ""
}
