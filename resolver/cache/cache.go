package cache

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Options bound a cache.
type Options[K comparable, V any] struct {
	// Entries is how many values are kept at most; it has to be positive.
	Entries int
	// Age is how long a value is kept; zero: until there is no room.
	Age time.Duration
	// Bytes is how much all values may take, as Size counts; zero: no bound.
	Bytes int64
	// Size is what one value takes, in bytes; it is called once for each Put. Nil:
	// nothing.
	Size func(K, V) int64
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Cache keeps what was used last. It is safe for concurrent use, and starts no
// goroutine. A nil Cache keeps nothing.
type Cache[K comparable, V any] struct {
	options Options[K, V]
	mu      sync.Mutex
	entries *simplelru.LRU[K, entry[V]]
	bytes   int64
}

type entry[V any] struct {
	value V
	until time.Time // zero: for ever
	bytes int64
}

// New returns a cache; nil, which keeps nothing, where Entries is not positive.
func New[K comparable, V any](options Options[K, V]) *Cache[K, V] {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Size == nil {
		options.Size = func(K, V) int64 { return 0 }
	}
	c := &Cache[K, V]{options: options}
	entries, err := simplelru.NewLRU(options.Entries, func(_ K, gone entry[V]) { c.bytes -= gone.bytes })
	if err != nil {
		return nil
	}
	c.entries = entries
	return c
}

// Get returns what is kept for a key and has not expired.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.entries.Get(key)
	switch {
	case !ok:
		return value, false
	case !kept.until.IsZero() && c.options.Now().After(kept.until):
		c.entries.Remove(key)
		return value, false
	default:
		return kept.value, true
	}
}

// Put keeps a value for the cache's age.
func (c *Cache[K, V]) Put(key K, value V) {
	if c == nil {
		return
	}
	var until time.Time
	if c.options.Age > 0 {
		until = c.options.Now().Add(c.options.Age)
	}
	c.PutUntil(key, value, until)
}

// PutUntil keeps a value until a moment; the zero time: for ever. One that is
// larger than all values together may be is not kept, and drops what the key
// had.
func (c *Cache[K, V]) PutUntil(key K, value V, until time.Time) {
	if c == nil {
		return
	}
	bytes := c.options.Size(key, value)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(key)
	if c.options.Bytes > 0 && bytes > c.options.Bytes {
		return
	}
	c.entries.Add(key, entry[V]{value: value, until: until, bytes: bytes})
	c.bytes += bytes
	for c.options.Bytes > 0 && c.bytes > c.options.Bytes {
		c.entries.RemoveOldest()
	}
}

// Remove forgets a key.
func (c *Cache[K, V]) Remove(key K) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Remove(key)
}

// Len is how many values are held, expired ones included.
func (c *Cache[K, V]) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.Len()
}

// Bytes is what all values take, as Size counted.
func (c *Cache[K, V]) Bytes() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
