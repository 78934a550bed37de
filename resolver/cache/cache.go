package cache

import (
	"hash/maphash"
	"sync"
	"time"
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
//
// It is our own for what it takes in memory: beside the key and the value, 24
// bytes and some 24 of the index, where golang-lru takes 150, and nothing for the
// garbage collector to follow.
type Cache[K comparable, V any] struct {
	options Options[K, V]
	seed    maphash.Seed
	began   time.Time
	mu      sync.Mutex
	// index has the place of a key by its hash; of two keys with the same hash the
	// later one is kept.
	index   map[uint64]int32
	entries ring[K, V]
	bytes   int64
}

// New returns a cache; nil, which keeps nothing, where Entries is not positive.
func New[K comparable, V any](options Options[K, V]) *Cache[K, V] {
	if options.Entries <= 0 {
		return nil
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Size == nil {
		options.Size = func(K, V) int64 { return 0 }
	}
	return &Cache[K, V]{options: options, seed: maphash.MakeSeed(), began: options.Now(), index: map[uint64]int32{}}
}

// Get returns what is kept for a key and has not expired.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	hash := maphash.Comparable(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.index[hash]
	if !ok || c.entries.at(at).key != key {
		return value, false
	}
	kept := c.entries.at(at)
	if kept.until != forever && c.options.Now().Sub(c.began) > kept.until {
		c.drop(hash, at)
		return value, false
	}
	c.entries.use(at)
	return kept.value, true
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
	fresh := entry[K, V]{key: key, value: value, until: forever, bytes: c.options.Size(key, value)}
	if !until.IsZero() {
		fresh.until = until.Sub(c.began)
	}
	hash := maphash.Comparable(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.index[hash]; ok {
		c.drop(hash, at)
	}
	if c.options.Bytes > 0 && fresh.bytes > c.options.Bytes {
		return
	}
	for len(c.index) >= c.options.Entries || c.options.Bytes > 0 && c.bytes+fresh.bytes > c.options.Bytes {
		oldest := c.entries.oldest()
		c.drop(maphash.Comparable(c.seed, c.entries.at(oldest).key), oldest)
	}
	c.index[hash] = c.entries.add(fresh)
	c.bytes += fresh.bytes
}

// drop forgets what has a hash, with the lock held.
func (c *Cache[K, V]) drop(hash uint64, at int32) {
	delete(c.index, hash)
	c.bytes -= c.entries.at(at).bytes
	c.entries.remove(at)
}

// Remove forgets a key.
func (c *Cache[K, V]) Remove(key K) {
	if c == nil {
		return
	}
	hash := maphash.Comparable(c.seed, key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.index[hash]; ok && c.entries.at(at).key == key {
		c.drop(hash, at)
	}
}

// Len is how many values are held, expired ones included.
func (c *Cache[K, V]) Len() int {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.index)
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
