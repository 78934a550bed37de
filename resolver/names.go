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
	kept *cache.Cache[string, reference.Named]
}

// read reads a reference as nodes do, with the tag that they add.
func (n *names) read(written string) (reference.Named, error) {
	n.once.Do(func() {
		n.kept = cache.New(cache.Options[string, reference.Named]{Entries: maxNames, Bytes: maxNameBytes, Size: nameSize})
	})
	if named, ok := n.kept.Get(written); ok {
		return named, nil
	}
	named, err := workload.ParseReference(written)
	if err != nil {
		return nil, err
	}
	named = reference.TagNameOnly(named)
	n.kept.Put(written, named)
	return named, nil
}

// nameSize is about what a reference takes.
func nameSize(written string, _ reference.Named) int64 {
	const overhead = 256
	return overhead + 2*int64(len(written))
}
