package resolver

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	lru "github.com/hashicorp/golang-lru/v2"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Cache keeps positive answers for a while. What one tenant could pull proves
// nothing about another: the credentials belong to the key. A nil Cache keeps
// nothing.
type Cache struct {
	ttl     time.Duration
	entries *lru.Cache[cacheKey, cached]
	now     func() time.Time
}

// cacheKey is an image, the credentials that are tried for it, in their order,
// and the platforms that count.
type cacheKey struct {
	image       string
	credentials [sha256.Size]byte
	platforms   string
}

type cached struct {
	finding  pull.Finding
	outcomes []pull.Outcome
	until    time.Time
}

// NewCache returns a cache of at most size answers, each kept for ttl; nil
// where either is zero.
func NewCache(size int, ttl time.Duration) *Cache {
	if size <= 0 || ttl <= 0 {
		return nil
	}
	entries, err := lru.New[cacheKey, cached](size)
	if err != nil {
		return nil // cannot be: the size is positive
	}
	return &Cache{ttl: ttl, entries: entries, now: time.Now}
}

func newCacheKey(image reference.Named, credentials []pull.Credential, platforms []ocispec.Platform) cacheKey {
	hash := sha256.New()
	for _, credential := range credentials {
		fingerprint := credential.Fingerprint()
		hash.Write(fingerprint[:])
	}
	key := cacheKey{image: image.String(), platforms: platformNames(platforms)}
	hash.Sum(key.credentials[:0])
	return key
}

func (c *Cache) get(key cacheKey) (cached, bool) {
	if c == nil {
		return cached{}, false
	}
	kept, ok := c.entries.Get(key)
	if !ok || c.now().After(kept.until) {
		return cached{}, false
	}
	return kept, true
}

func (c *Cache) put(key cacheKey, answer cached) {
	if c == nil {
		return
	}
	answer.until = c.now().Add(c.ttl)
	c.entries.Add(key, answer)
}

// knownPlatforms returns the platforms of the nodes on which Pods can land;
// none, which judges no platform, where one of them does not tell its own.
func knownPlatforms(feasible []nodes.Node, configured []ocispec.Platform) []ocispec.Platform {
	for _, node := range feasible {
		if node.Platform.Architecture == "" {
			return nil
		}
	}
	return mergePlatforms(nodes.Platforms(feasible), configured)
}

// mergePlatforms adds what is configured to what is there, each once.
func mergePlatforms(live, configured []ocispec.Platform) []ocispec.Platform {
	merged := slices.Clone(live)
	seen := map[string]bool{}
	for _, platform := range live {
		seen[platforms.FormatAll(platform)] = true
	}
	for _, platform := range configured {
		if name := platforms.FormatAll(platforms.Normalize(platform)); !seen[name] {
			seen[name] = true
			merged = append(merged, platforms.Normalize(platform))
		}
	}
	return merged
}

func platformNames(all []ocispec.Platform) string {
	names := make([]string, 0, len(all))
	for _, platform := range all {
		names = append(names, platforms.FormatAll(platform))
	}
	return strings.Join(names, ",")
}
