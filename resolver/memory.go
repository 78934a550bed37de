package resolver

import (
	"time"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxRemembered bounds what positive answers take in memory, in bytes: what one
// holds is small, unless a registry or an image's name makes it large.
const maxRemembered = 64 << 20

// Cache keeps positive answers for a while. What one tenant could pull proves
// nothing about another: the credentials belong to the key. A nil Cache keeps
// nothing.
type Cache = cache.Cache[pull.Key, positive]

// positive is an answer that is remembered.
type positive struct {
	finding  pull.Finding
	outcomes []pull.Outcome
}

// NewCache returns a cache of at most size answers, each kept for ttl; nil
// where either is zero.
func NewCache(size int, ttl time.Duration) *Cache {
	if size <= 0 || ttl <= 0 {
		return nil
	}
	return cache.New(cache.Options[pull.Key, positive]{Entries: size, Age: ttl, Bytes: maxRemembered, Size: sizeOf})
}

func sizeOf(key pull.Key, kept positive) int64 {
	const overhead = 256
	size := overhead + key.Bytes() + int64(len(kept.finding.Detail)+len(kept.finding.Node)+16*len(kept.outcomes))
	for _, note := range kept.finding.Notes {
		size += int64(len(note.Message))
	}
	return size
}
