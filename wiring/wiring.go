package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/providers"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/profiles"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/resolver/registry/crio"
	"github.com/pullgate/pullgate/workload"
)

// Observer is told of what is done.
type Observer interface {
	resolver.Observer
	// Requested tells of a request to a registry; code 0: no answer came.
	Requested(host, method string, code int, took time.Duration)
}

// Dependencies are what an engine is built into, whatever the configuration.
type Dependencies struct {
	// Secrets reads Secrets and ServiceAccounts; it may remember. Needed.
	Secrets keyring.Source
	// Fresh is the same without memory; nil: a refusal needs no second look.
	Fresh keyring.Source
	// Observer and Log are told of what is done. Needed.
	Observer Observer
	Log      *slog.Logger
	// Nodes returns the cluster's; nil where none are known.
	Nodes func() []nodes.Node
	// Profiles returns the node profiles that the cluster has, by name; nil: none.
	// What bears on pulls is read once, the nodes in them whenever they change.
	Profiles func() map[string][]byte
	// Tokens issues the tokens of ServiceAccounts that credential providers ask
	// for; nil: there is no cluster to issue any.
	Tokens providers.Issuer
	// User holds credentials of the user's that stand for the nodes'; may be nil.
	User keyring.NodeSource
	// Allow are networks that are dialled besides the configured ones.
	Allow []netip.Prefix
	// Patience is that with registries that answer 429; zero: none.
	Patience registry.Patience
	// GivesUp says that registries that do not answer are asked no more for a
	// while, as suits who cannot wait.
	GivesUp bool
	// Alone says that all is asked on behalf of one: none of its namespaces has to
	// leave room for others.
	Alone bool
	// ContentDir keeps from run to run what was read at digests; empty: nothing.
	ContentDir string
	// Asking puts something before what asks registries; nil: nothing.
	Asking func(resolver.Prober) resolver.Prober
	// Self and Labels are the engine's of the same names.
	Self   string
	Labels func(ctx context.Context, namespace string) (map[string]string, error)
}

// validate says what is missing.
func (d *Dependencies) validate() error {
	var missing []error
	for what, there := range map[string]bool{
		"a source of secrets": d.Secrets != nil, "an observer": d.Observer != nil, "a log": d.Log != nil,
	} {
		if !there {
			missing = append(missing, errors.New(what+" is missing"))
		}
	}
	return errors.Join(missing...)
}

// Components are what engines of one configuration share.
type Components struct {
	// Kinds are the kinds of objects that are read.
	Kinds *workload.Kinds
	// Platforms are the configuration's nodes.platforms.
	Platforms []ocispec.Platform

	configuration      policy.Configuration
	in                 Dependencies
	credentials, fresh resolver.Credentials
	registry           resolver.Prober
	profiles           nodeProfiles
	resolver           atomic.Pointer[resolver.Resolver]
}

// New makes what engines of a configuration share. Its errors name the key of
// the configuration that is at fault, or what is missing.
func New(configuration policy.Configuration, in Dependencies) (*Components, error) {
	if err := in.validate(); err != nil {
		return nil, fmt.Errorf("wiring: %w", err)
	}
	kinds, err := workload.NewKinds(configuration.Workloads)
	if err != nil {
		return nil, fmt.Errorf("workloads%w", err)
	}
	guard := registry.Guard{Allow: append(configuration.AllowedNetworks(), in.Allow...), Deny: configuration.Registries.DeniedNetworks(), DenyPorts: configuration.Registries.DenyPorts}
	node, err := nodeCredentials(configuration.Nodes, guard, in)
	if err != nil {
		return nil, err
	}
	extra, err := platforms.ParseAll(configuration.Nodes.Platforms)
	if err != nil {
		return nil, fmt.Errorf("nodes.platforms: %w", err)
	}
	asking := registry.Options{
		HostsDir:   configuration.Registries.HostsDir,
		Guard:      guard,
		Patience:   in.Patience,
		Observe:    in.Observer.Requested,
		ContentDir: in.ContentDir,
		Log:        in.Log,
	}
	if err := crioSettings(configuration.Registries, &asking); err != nil {
		return nil, err
	}
	others := registry.NewClient(asking)
	known, err := readProfiles(configuration.Nodes, in.Profiles, others)
	if err != nil {
		return nil, err
	}
	hidden := slices.Concat(hiddenHosts(configuration.Nodes), known.hidden)
	c := &Components{
		Kinds: kinds, Platforms: Normalized(extra), configuration: configuration, in: in,
		credentials: &keyring.Keyring{Source: in.Secrets, Node: node, Hidden: hidden},
		registry:    others, profiles: known,
	}
	if len(known.asked) > 0 || known.unread != nil {
		c.registry = &profiles.Prober{Others: c.registry, Profiles: known.asked, Title: known.roster.title, Doubt: known.doubt(in.Log)}
	}
	if in.Fresh != nil {
		c.fresh = &keyring.Keyring{Source: in.Fresh, Node: keyring.Anew(node), Hidden: hidden}
	}
	if in.Asking != nil {
		c.registry = in.Asking(c.registry)
	}
	return c, nil
}

// crioSettings reads what is configured of nodes with CRI-O.
func crioSettings(configured policy.Registries, asking *registry.Options) (err error) {
	if asking.Registries, err = crio.NewRegistries(configured.RegistriesConf); err != nil {
		return fmt.Errorf("registries.registriesConf: %w", err)
	}
	if asking.Policy, err = crio.ReadPolicy(configured.Policy); err != nil {
		return fmt.Errorf("registries.policy: %w", err)
	}
	return nil
}

// Close removes what was written for the time in which the components are used.
func (c *Components) Close() error { return c.profiles.close() }

// Engine returns an engine for nodes of the given platforms, besides those of
// Dependencies.Nodes.
func (c *Components) Engine(platforms []ocispec.Platform) *engine.Engine {
	cache := c.configuration.Cache
	asking := &resolver.Resolver{
		Credentials:     c.credentials,
		Fresh:           c.fresh,
		Registry:        c.registry,
		Nodes:           c.in.Nodes,
		Platforms:       platforms,
		Runtimes:        pull.RuntimesNamed(c.configuration.Nodes.Runtimes),
		Profiles:        c.profiles.roster.profiles,
		NodeConfig:      c.configuration.Nodes.DockerConfig != "",
		HostsKnown:      c.configuration.Registries.HostsDir != "",
		RegistriesKnown: c.configuration.Registries.RegistriesConf != "",
		Layers:          c.configuration.Depth == policy.Layers,
		Unpinned:        slices.Contains(c.configuration.Notes, pull.UnpinnedTag),
		Cache:           resolver.NewCache(cache.Size, cache.PositiveTTL.Duration),
		GivesUp:         c.in.GivesUp,
		Alone:           c.in.Alone,
		Observer:        c.in.Observer,
	}
	c.resolver.Store(asking)
	return &engine.Engine{Policy: c.configuration, Kinds: c.Kinds, Self: c.in.Self, Labels: c.in.Labels, Resolver: asking}
}

// Load tells what the engine that was made last is busy with.
func (c *Components) Load() resolver.Load {
	if asking := c.resolver.Load(); asking != nil {
		return asking.Load()
	}
	return resolver.Load{}
}

// Normalized spells platforms as they are compared.
func Normalized(all []ocispec.Platform) []ocispec.Platform {
	for i, platform := range all {
		all[i] = platforms.Normalize(platform)
	}
	return all
}
