package registry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/crio"
)

// reloadEvery is how often registries.conf is read again at most.
const reloadEvery = 2 * time.Second

// crioPlaces knows where nodes with CRI-O look for images, and keeps what they
// learn there.
type crioPlaces struct {
	hosts      containerd.Hosts
	registries *crio.Registries // nil: nothing is known of registries.conf
	policy     *crio.Policy     // nil: everything may be pulled
	log        *slog.Logger
	kept       *cache.Cache[hostsKey, keptRepository]
	client     uint32 // the number of the Client

	mu       sync.Mutex
	reloaded time.Time // when registries.conf was read again
	told     string    // what was wrong with it
}

// candidates are what an image's name may stand for.
func (c *crioPlaces) candidates(q pull.Query) ([]reference.Named, error) {
	if q.Short == "" || c.registries == nil {
		return []reference.Named{q.Image}, nil
	}
	c.reload()
	all, err := c.registries.Candidates(q.Short)
	for i := range all {
		all[i] = pulledReference(all[i])
	}
	return all, err
}

// reload reads registries.conf again, once in a while. Where it cannot be read, what
// was read before counts, which is told once.
func (c *crioPlaces) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.reloaded) < reloadEvery {
		return
	}
	c.reloaded = time.Now()
	wrong := ""
	if err := c.registries.Reload(); err != nil {
		wrong = err.Error()
	}
	if wrong != "" && wrong != c.told && c.log != nil {
		c.log.Warn("registries.conf cannot be read, what was read before counts", "error", wrong)
	}
	c.told = wrong
}

// forget drops what is kept.
func (c *crioPlaces) forget(q pull.Query) { c.kept.Remove(c.key(q)) }

// key identifies what may share a token.
func (c *crioPlaces) key(q pull.Query) hostsKey {
	return hostsKey{repository: q.Image.String(), credential: q.Credential.Fingerprint(), client: c.client}
}

// repository returns where CRI-O looks for an image, anew or as it is kept, and
// whether it is fresh.
func (c *crioPlaces) repository(ctx context.Context, q pull.Query, anew bool) (repository *crio.Repository, fresh bool, err error) {
	if kept, ok := c.kept.Get(c.key(q)); ok && !anew {
		return kept.repository, false, nil
	}
	sources, err := c.sources(ctx, q)
	if err != nil {
		return nil, true, fmt.Errorf("registries of CRI-O: %w", err)
	}
	kept := keptRepository{crio.NewRepository(sources), time.Now().Add(keptFor)}
	c.kept.PutUntil(c.key(q), kept, kept.until)
	return kept.repository, true, nil
}

// weigh counts what a repository remembers after a check.
func (c *crioPlaces) weigh(q pull.Query) {
	if kept, ok := c.kept.Get(c.key(q)); ok {
		c.kept.PutUntil(c.key(q), kept, kept.until)
	}
}

// sources are the mirrors and the registry, by registries.conf where there is one.
// Without it nobody is known to be insecure but whom containerd takes for so.
func (c *crioPlaces) sources(ctx context.Context, q pull.Query) ([]crio.Source, error) {
	if c.registries == nil {
		host, err := c.directHost(ctx, q.Image, q.Credential)
		return []crio.Source{{Image: q.Image, Credential: q.Credential, Endpoints: []crio.Endpoint{host}}}, err
	}
	c.reload()
	places, err := c.registries.Places(q.Image)
	if err != nil {
		return nil, err
	}
	var sources []crio.Source
	for _, place := range places {
		source := crio.Source{Image: place.Image, Credential: q.Credential, Blocked: place.Blocked}
		if reference.Domain(place.Image) != reference.Domain(q.Image) {
			source.Credential = pull.Credential{} // docker/docker_image_src.go, newImageSourceAttempt
		}
		if source.Endpoints, err = c.endpoints(ctx, place); err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// endpoints are HTTPS, and HTTP after it where registries.conf lets nobody be
// verified.
func (c *crioPlaces) endpoints(ctx context.Context, place crio.Place) ([]crio.Endpoint, error) {
	host, err := c.directHost(ctx, place.Image, pull.Credential{})
	if err != nil {
		return nil, err
	}
	host.Scheme = "https"
	if !place.Insecure {
		return []crio.Endpoint{host}, nil
	}
	host.Client = c.hosts.Wire.Unverified(host.Client)
	plain := host
	plain.Scheme = "http"
	return []crio.Endpoint{host, plain}, nil
}

// directHost is the registry itself, with what hosts.toml says of its
// certificates.
func (c *crioPlaces) directHost(ctx context.Context, image reference.Named, credential pull.Credential) (crio.Endpoint, error) {
	hosts, err := c.hosts.For(ctx, reference.Domain(image), credential, containerd.Direct)
	if err != nil {
		return crio.Endpoint{}, err
	}
	last := hosts[len(hosts)-1]
	return crio.Endpoint{Scheme: last.Scheme, Host: last.Host, Client: last.Client}, nil
}
