package registry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/contents"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// Guard limits what is dialled.
type Guard = wire.Guard

// Guarded is a way to hosts that are no registries, but have a part of an image's
// name, within the limits of a guard.
func Guarded(guard Guard) http.RoundTripper { return wire.Guarded(guard) }

// Observer is told of each request that went to a registry or token server.
type Observer = wire.Observer

// Patience is for how long registries are waited for that answer 429.
type Patience = wire.Patience

// Options set up a Client. The zero value is containerd's own default.
type Options struct {
	// HostsDir is containerd's certs.d; empty: none.
	HostsDir string
	// Registries is CRI-O's registries.conf; nil: nothing is known of it.
	Registries *crio.Registries
	// Policy is CRI-O's policy.json; nil: everything may be pulled.
	Policy *crio.Policy
	// Authorities are CAs in PEM that are trusted besides the system's.
	Authorities []string
	// Guard limits what is dialled.
	Guard Guard
	// Patience is that with registries that answer 429; they are waited for
	// while the context of a question leaves the time. The zero value does not
	// wait.
	Patience Patience
	// Observe is told of every request; may be nil.
	Observe Observer
	// ContentDir is a folder for what was read at digests, for other runs of
	// the program to find; empty: it is kept in memory alone.
	ContentDir string
	// Log is told, each once, of a hosts.toml that cannot be read and of a
	// ContentDir in which nothing can be kept; nil: nobody is.
	Log *slog.Logger
}

// complain tells that nothing can be kept in ContentDir.
func (o *Options) complain(err error) {
	if o.Log != nil {
		o.Log.Warn("what was read is not kept from run to run: " + err.Error())
	}
}

// Client asks registries. It is safe for concurrent use.
type Client struct {
	*memory
	number  uint32 // among those that share the memory
	options Options
	hosts   containerd.Hosts
	disk    *contents.Disk
	crio    *crioPlaces
}

// NewClient returns a Client.
func NewClient(options Options) *Client {
	return newClient(options, newMemory(), contents.NewDisk(options.ContentDir, options.complain))
}

// Beside returns a Client that asks as other nodes would, with a hosts.toml,
// registries.conf and authorities of their own, and otherwise as this one does.
// Together they keep no more than one does.
func (c *Client) Beside(hostsDir string, registries *crio.Registries, authorities []string) *Client {
	options := c.options
	options.HostsDir, options.Registries, options.Authorities = hostsDir, registries, authorities
	return newClient(options, c.memory, c.disk)
}

func newClient(options Options, shared *memory, disk *contents.Disk) *Client {
	number := shared.clients.Add(1)
	hosts := containerd.Hosts{
		Dir: options.HostsDir, Complaints: containerd.NewComplaints(options.Log),
		Wire: wire.New(options.Guard, options.Patience, options.Observe, shared.large, options.Authorities...),
	}
	return &Client{
		memory: shared, number: number, options: options, hosts: hosts, disk: disk,
		crio: &crioPlaces{hosts: hosts, registries: options.Registries, policy: options.Policy, log: options.Log, kept: shared.keptCRIO, client: number},
	}
}

// key identifies what is kept of hosts.
func (c *Client) key(image reference.Named, credential pull.Credential, mode containerd.Mode) hostsKey {
	return hostsKey{repository: image.Name(), credential: credential.Fingerprint(), mode: mode, client: c.number}
}

// hostsFor returns the hosts to ask for a repository with a credential, and
// whether they are fresh: made for this very check, as anew has them made in
// any case.
func (c *Client) hostsFor(ctx context.Context, image reference.Named, credential pull.Credential, mode containerd.Mode, anew bool) (hosts []docker.RegistryHost, fresh bool, err error) {
	key := c.key(image, credential, mode)
	if entry, ok := c.kept.Get(key); !anew && ok {
		c.kept.PutUntil(key, entry, entry.until) // it may hold more by now
		return entry.hosts, false, nil
	}
	hosts, err = c.hosts.For(ctx, reference.Domain(image), credential, mode)
	if err != nil {
		return nil, true, err
	}
	entry := keptEntry{hosts: hosts, held: wire.Serialize(hosts), until: time.Now().Add(keptFor)}
	c.kept.PutUntil(key, entry, entry.until)
	return hosts, true, nil
}

// weigh counts what hosts hold after a check.
func (c *Client) weigh(image reference.Named, credential pull.Credential, mode containerd.Mode) {
	key := c.key(image, credential, mode)
	if entry, ok := c.kept.Get(key); ok {
		c.kept.PutUntil(key, entry, entry.until)
	}
}

// forget drops what is kept, so that the next check starts from nothing. The
// library's authorizer keeps a failed token request for as long as it lives.
func (c *Client) forget(image reference.Named, credential pull.Credential) {
	for _, mode := range []containerd.Mode{containerd.ByHosts, containerd.Direct, containerd.Plain} {
		c.kept.Remove(c.key(image, credential, mode))
	}
}
