package resolver

import (
	"context"
	"runtime/debug"

	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
)

// Prober asks a registry about one image with one credential.
type Prober interface {
	Probe(ctx context.Context, query pull.Query) pull.Finding
	Tags(ctx context.Context, image reference.Named, credential pull.Credential) ([]string, error)
}

// Credentials opens the keyring of a Pod.
type Credentials interface {
	Open(ctx context.Context, pod keyring.Pod) *keyring.Ring
}

// Observer is told of what a Resolver does, for metrics.
type Observer interface {
	// Checked tells that an image was checked, and on which registry.
	Checked(registry string, reason pull.Reason)
	// Cached tells that an answer was looked for in the cache.
	Cached(hit bool)
	// Panicked tells of a bug of ours, with the stack.
	Panicked(value any, stack []byte)
}

// Resolver finds out whether images can be pulled. All fields are to be set
// before its first use; it is safe for concurrent use.
type Resolver struct {
	// Credentials are where credentials come from.
	Credentials Credentials
	// Fresh is the same without memory; it is asked before a refusal that
	// may be one of old credentials. May be nil.
	Fresh Credentials
	// Registry asks registries.
	Registry Prober
	// Nodes returns the cluster's nodes; nil where none are known.
	Nodes func() []nodes.Node
	// Platforms are those of nodes that may come, added to those of Nodes.
	Platforms []ocispec.Platform
	// Runtimes are those of nodes that may come, added to those of Nodes.
	Runtimes pull.Runtimes
	// Profiles returns what is known of the nodes' own settings for pulls: in a new
	// place of memory when that changes, as Nodes does. Nil: nothing is known.
	Profiles func() []nodes.Profile
	// NodeConfig says that Credentials know the nodes' config.json.
	NodeConfig bool
	// HostsKnown says that Registry knows the nodes' hosts.toml files.
	HostsKnown bool
	// RegistriesKnown says that Registry knows the registries.conf of nodes with
	// CRI-O, other than those with a profile.
	RegistriesKnown bool
	// Layers asks for configs and layers, too.
	Layers bool
	// Unpinned gives the note UnpinnedTag.
	Unpinned bool
	// Parallel is how many images of one workload are checked at once.
	// Zero: 48.
	Parallel int
	// Cache keeps positive answers; nil keeps none.
	Cache *Cache
	// GivesUp says that a registry that has not answered for some time is asked
	// by one question every few seconds alone, and that the rest are unknown at
	// once. It is for who has no time to wait.
	GivesUp bool
	// Alone says that all is asked on behalf of one: none of its namespaces has to
	// leave room for others.
	Alone bool
	// Observer is told of what is done; may be nil.
	Observer Observer

	questions   questions
	names       names
	lastTargets targetMemory
}

// Load is what a Resolver is busy with and keeps.
type Load struct {
	// Asking and Waiting are numbers of questions to registries: those that are
	// put, and those for which there is no room yet.
	Asking, Waiting int64
	// Namespaces is how many namespaces wait for room.
	Namespaces int64
	// Unasked is how many questions were not put so far, since their registry
	// had not answered for some time.
	Unasked int64
	// Kept is how many positive answers are kept, in so many bytes, about.
	Kept, KeptBytes int64
}

// Load tells what the Resolver is busy with now.
func (r *Resolver) Load() Load {
	limit := &r.questions.limit
	return Load{
		Asking: limit.asking.Load(), Waiting: limit.waiting.Load(), Namespaces: limit.namespaces(), Unasked: r.questions.unasked.Load(),
		Kept: int64(r.Cache.Len()), KeptBytes: r.Cache.Bytes(),
	}
}

// probe asks one registry with one credential. Equal questions in flight are
// one.
func (r *Resolver) probe(ctx context.Context, namespace string, query pull.Query) answered {
	return r.questions.ask(ctx, asker{namespace: namespace, givesUp: r.GivesUp, alone: r.Alone}, query, r.put)
}

// put asks the registry; a bug of ours is no answer.
func (r *Resolver) put(ctx context.Context, query pull.Query) (finding pull.Finding) {
	defer func() {
		if value := recover(); value != nil {
			r.panicked(value)
			finding = pull.Finding{}
		}
	}()
	return r.Registry.Probe(ctx, query)
}

// panicked tells of a bug of ours. What was not found out for it has a reason
// outside the closed set, for which no configuration denies.
func (r *Resolver) panicked(value any) {
	if r.Observer != nil {
		r.Observer.Panicked(value, debug.Stack())
	}
}

// looked tells that an answer was looked for in the cache.
func (r *Resolver) looked(hit bool) {
	if r.Observer != nil {
		r.Observer.Cached(hit)
	}
}
