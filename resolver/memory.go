package resolver

import (
	"time"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/pull"
)

// maxRemembered bounds what positive answers take in memory, in bytes: what one
// holds is small, unless a registry or an image's name makes it large.
const maxRemembered = 32 << 20

// Cache keeps positive answers for a while. What one tenant could pull proves
// nothing about another: the credentials belong to the key. A nil Cache keeps
// nothing.
type Cache = cache.Cache[pull.Key, positive]

// positive is an answer that is remembered.
type positive struct {
	finding pull.Kept
	// outcomes are those of the credentials; nil: the first that was tried pulled.
	outcomes []pull.Outcome
}

// remember makes an answer small.
func remember(finding pull.Finding, outcomes []pull.Outcome) positive {
	kept := positive{finding: pull.Keep(finding)}
	if len(outcomes) > 1 {
		kept.outcomes = outcomes
	}
	return kept
}

// NewCache returns a cache of at most size answers, each kept for ttl; nil
// where either is zero.
func NewCache(size int, ttl time.Duration) *Cache {
	if size <= 0 || ttl <= 0 {
		return nil
	}
	return cache.New(cache.Options[pull.Key, positive]{Entries: size, Age: ttl, Bytes: maxRemembered, Size: sizeOf})
}

// sizeOf is about what an answer takes, with what the cache needs for each.
func sizeOf(_ pull.Key, kept positive) int64 {
	const fixed, ofOutcome = 150, 16
	return fixed + kept.finding.Bytes() + int64(ofOutcome*len(kept.outcomes))
}
