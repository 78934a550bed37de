package resolver

import (
	"sync"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/workload"
)

const (
	// maxNames is how many references are remembered, and maxNameBytes what they
	// take at most.
	maxNames     = 8192
	maxNameBytes = 4 << 20
)

// names remembers how references read: that takes regular expressions, which
// are a third of the work for an image that is known. The zero value is ready.
type names struct {
	once sync.Once
	kept *cache.Cache[string, readName]
}

// readName is how a reference reads.
type readName struct {
	named reference.Named
	// pulled is the reference as a node pulls it.
	pulled string
}

// read reads a reference as nodes do, with the tag that they add.
func (n *names) read(written string) (readName, error) {
	n.once.Do(func() {
		n.kept = cache.New(cache.Options[string, readName]{Entries: maxNames, Bytes: maxNameBytes, Size: nameSize})
	})
	if known, ok := n.kept.Get(written); ok {
		return known, nil
	}
	named, err := workload.ParseReference(written)
	if err != nil {
		return readName{}, err
	}
	named = reference.TagNameOnly(named)
	read := readName{named: named, pulled: pulledName(named)}
	n.kept.Put(written, read)
	return read, nil
}

// pulledName is a reference as a node pulls it: with a digest, the tag counts
// for nothing.
func pulledName(named reference.Named) string {
	if digested, ok := named.(reference.Digested); ok {
		return named.Name() + "@" + digested.Digest().String()
	}
	return named.String()
}

// nameSize is about what a reference takes.
func nameSize(written string, read readName) int64 {
	const overhead = 272
	return overhead + 2*int64(len(written)) + int64(len(read.pulled))
}
