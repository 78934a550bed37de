package resolver

import (
	"crypto/sha256"
	"time"

	"github.com/distribution/reference"
	lru "github.com/hashicorp/golang-lru/v2"

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

func newCacheKey(image reference.Named, credentials []pull.Credential, platforms string) cacheKey {
	hash := sha256.New()
	for _, credential := range credentials {
		fingerprint := credential.Fingerprint()
		hash.Write(fingerprint[:])
	}
	key := cacheKey{image: image.String(), platforms: platforms}
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
