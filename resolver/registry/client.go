package registry

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/distribution/reference"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/sirupsen/logrus"

	"github.com/pullgate/pullgate/resolver/pull"
)

const (
	// keptHosts is for how many repositories and credentials connections,
	// tokens and the choice between http and https are kept.
	keptHosts = 4096
	// keptFor bounds how long: certificates and hosts.toml change. It is longer
	// than answers are kept, five minutes by default: with a challenge and a
	// token at hand, to ask again costs a HEAD and no more.
	keptFor = 30 * time.Minute
	// keptReads is how many manifests' contents are remembered.
	keptReads = 50_000
)

// Options set up a Client. The zero value is containerd's own default.
type Options struct {
	// HostsDir is containerd's certs.d; empty: none.
	HostsDir string
	// Guard limits what is dialled.
	Guard Guard
	// Observe is told of every request; may be nil.
	Observe Observer
	// ContentDir is a folder for what was read at digests, for other runs of
	// the program to find; empty: it is kept in memory alone.
	ContentDir string
}

// Client asks registries. It is safe for concurrent use.
type Client struct {
	options  Options
	link     *link
	disk     *diskContent
	secure   *http.Transport // for hosts without TLS settings of their own
	insecure *http.Transport // for loopback hosts, which containerd does not verify
	special  specialTransports
	hosts    *lru.Cache[hostsKey, keptEntry]
	read     *lru.Cache[readKey, pull.Finding]
	quiet    *log.Entry
}

// hostsKey identifies what may share a token. The repository belongs to it:
// the library's authorizer asks for the scopes of the first challenge again
// with every later token, and a node never asks for two repositories at once.
type hostsKey struct {
	repository string
	credential [32]byte
	way        way
}

// way is how much of hosts.toml counts on the way to a registry.
type way uint8

const (
	// byHosts goes as hosts.toml says.
	byHosts way = iota
	// direct leaves out the mirrors, of which only containerd knows.
	direct
	// plain heeds no hosts.toml.
	plain
)

type keptEntry struct {
	hosts []docker.RegistryHost
	until time.Time
}

// NewClient returns a Client.
func NewClient(options Options) *Client {
	if options.Observe == nil {
		options.Observe = func(string, string, int, time.Duration) {}
	}
	hosts, err := lru.New[hostsKey, keptEntry](keptHosts)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	read, err := lru.New[readKey, pull.Finding](keptReads)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(logrus.PanicLevel)
	link := newLink(options.Guard)
	return &Client{
		options:  options,
		link:     link,
		disk:     newDiskContent(options.ContentDir),
		secure:   link.transport(&tls.Config{}),
		insecure: link.transport(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // as containerd on loopback
		hosts:    hosts,
		read:     read,
		quiet:    logrus.NewEntry(logger),
	}
}

// hostsFor returns the hosts to ask for a repository with a credential, and
// whether they are fresh: made for this very check, as anew has them made in
// any case.
func (c *Client) hostsFor(ctx context.Context, image reference.Named, credential pull.Credential, by way, anew bool) (hosts []docker.RegistryHost, fresh bool, err error) {
	key := hostsKey{repository: image.Name(), credential: credential.Fingerprint(), way: by}
	if kept, ok := c.hosts.Get(key); !anew && ok && time.Now().Before(kept.until) {
		return kept.hosts, false, nil
	}
	hosts, err = c.configure(ctx, reference.Domain(image), credential, by)
	if err != nil {
		return nil, true, err
	}
	takeTurns(hosts)
	c.hosts.Add(key, keptEntry{hosts: hosts, until: time.Now().Add(keptFor)})
	return hosts, true, nil
}

// configure reads hosts.toml.
func (c *Client) configure(ctx context.Context, registry string, credential pull.Credential, by way) ([]docker.RegistryHost, error) {
	options := config.HostOptions{
		// The kubelet fills in no server address, so that containerd offers
		// the credential to every host that challenges, mirrors included
		// (internal/cri/server/images/image_pull.go, ParseAuth).
		Credentials: func(string) (string, string, error) {
			username, password := credential.Basic()
			return username, password, nil
		},
		UpdateClient: c.guardClient,
	}
	if c.options.HostsDir != "" && by != plain {
		options.HostDir = hostDir(c.options.HostsDir)
	}
	ctx = c.quieten(ctx)
	hosts, err := config.ConfigureHosts(ctx, options)(registry)
	if err != nil || by != direct {
		return hosts, err
	}
	if own := ownHosts(hosts, registry); len(own) > 0 {
		return own, nil
	}
	options.HostDir = nil
	return config.ConfigureHosts(ctx, options)(registry)
}

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

// listed tells whether what hosts.toml says of a registry stands in one of
// several directories.
func (c *Client) listed(registry string) bool {
	if !strings.ContainsRune(c.options.HostsDir, filepath.ListSeparator) {
		return false
	}
	dir, err := hostDir(c.options.HostsDir)(registry)
	return err == nil && dir != ""
}

// forget drops what is kept, so that the next check starts from nothing. The
// library's authorizer keeps a failed token request for as long as it lives.
func (c *Client) forget(image reference.Named, credential pull.Credential) {
	for _, by := range []way{byHosts, direct, plain} {
		c.hosts.Remove(hostsKey{repository: image.Name(), credential: credential.Fingerprint(), way: by})
	}
}

// guardClient puts our transport in the place of the library's.
func (c *Client) guardClient(client *http.Client) error {
	if _, done := client.Transport.(*transport); done {
		return nil
	}
	base := c.secure
	if theirs, ok := client.Transport.(*http.Transport); ok && theirs.TLSClientConfig != nil {
		base = c.baseFor(theirs.TLSClientConfig)
	}
	client.Transport = &transport{base: base, link: c.link, observe: c.options.Observe}
	return nil
}

// baseFor shares connections among hosts with equal TLS settings.
func (c *Client) baseFor(settings *tls.Config) *http.Transport {
	switch {
	case settings.RootCAs != nil || len(settings.Certificates) > 0:
		return c.special.get(settings, c.link)
	case settings.InsecureSkipVerify:
		return c.insecure
	default:
		return c.secure
	}
}

// maxSpecial is for how many different TLS settings of hosts.toml connections
// are shared.
const maxSpecial = 64

// specialTransports are for hosts with TLS settings of their own.
type specialTransports struct {
	mu   sync.Mutex
	list []*http.Transport
}

// get returns the transport with such settings; a new one if need be.
func (s *specialTransports) get(settings *tls.Config, link *link) *http.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.list {
		if sameSettings(known.TLSClientConfig, settings) {
			return known
		}
	}
	if len(s.list) == maxSpecial {
		s.list = slices.Delete(s.list, 0, 1)
	}
	fresh := link.transport(settings)
	s.list = append(s.list, fresh)
	return fresh
}

// sameSettings compares what hosts.toml can set.
func sameSettings(a, b *tls.Config) bool {
	return a.InsecureSkipVerify == b.InsecureSkipVerify && a.RootCAs.Equal(b.RootCAs) &&
		slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
			return slices.EqualFunc(a.Certificate, b.Certificate, slices.Equal[[]byte])
		})
}

// quieten gives the library a logger that says nothing: it logs each failed
// host at info.
func (c *Client) quieten(ctx context.Context) context.Context {
	return log.WithLogger(ctx, c.quiet)
}
