package registry

import (
	"sync/atomic"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/pullgate/pullgate/resolver/cache"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

const (
	// keptHosts is for how many repositories and credentials connections,
	// tokens and the choice between http and https are kept, and keptHostsBytes
	// how much the challenges and tokens of all may take.
	keptHosts      = 4096
	keptHostsBytes = 16 << 20
	// keptFor bounds how long: certificates and hosts.toml change. It is longer
	// than answers are kept, five minutes by default: with a challenge and a
	// token at hand, to ask again costs a HEAD and no more.
	keptFor = 30 * time.Minute
	// hostsBytes is about what hosts take without a challenge and a token, and
	// repositoryBytes what a repository of CRI-O's does.
	hostsBytes      = 2 << 10
	repositoryBytes = 2 << 10
	// keptReads is how many manifests' contents are remembered, and
	// keptReadsBytes how much that may take.
	keptReads      = 50_000
	keptReadsBytes = 16 << 20
)

// memory is what Clients keep that ask beside each other, within bounds of all of
// them together: however many profiles nodes have, it takes no more. What one keeps,
// no other finds: each asks in a way of its own. It is safe for concurrent use.
type memory struct {
	kept     *cache.Cache[hostsKey, keptEntry]
	keptCRIO *cache.Cache[hostsKey, keptRepository]
	read     *cache.Cache[readKey, pull.Kept]
	large    wire.Room
	clients  atomic.Uint32 // how many they are
}

func newMemory() *memory {
	return &memory{
		kept: cache.New(cache.Options[hostsKey, keptEntry]{Entries: keptHosts, Bytes: keptHostsBytes,
			Size: func(key hostsKey, entry keptEntry) int64 {
				return hostsBytes + int64(len(key.repository)) + entry.held.Bytes()
			}}),
		keptCRIO: cache.New(cache.Options[hostsKey, keptRepository]{Entries: keptHosts, Bytes: keptHostsBytes,
			Size: func(key hostsKey, kept keptRepository) int64 {
				return repositoryBytes + int64(len(key.repository)) + kept.repository.Bytes()
			}}),
		read:  cache.New(cache.Options[readKey, pull.Kept]{Entries: keptReads, Bytes: keptReadsBytes, Size: readSize}),
		large: wire.NewRoom(),
	}
}

// hostsKey identifies what may share a token. The repository belongs to it:
// the library's authorizer asks for the scopes of the first challenge again
// with every later token, and a node never asks for two repositories at once.
type hostsKey struct {
	repository string
	credential [32]byte
	mode       containerd.Mode
	client     uint32 // the number of whose it is
}

// keptEntry is hosts with what their authorizer holds.
type keptEntry struct {
	hosts []docker.RegistryHost
	held  *wire.Held
	until time.Time
}

// keptRepository is a repository as CRI-O pulls from it, with its tokens.
type keptRepository struct {
	repository *crio.Repository
	until      time.Time
}
