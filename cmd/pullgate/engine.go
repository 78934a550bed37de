package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/cloud"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/workload"
)

// surroundings are what an engine is built into, whatever the configuration.
type surroundings struct {
	secrets keyring.Source // may remember
	fresh   keyring.Source // never does; nil: a refusal needs no second look
	nodes   func() []nodes.Node
	metrics *metrics.Metrics
	log     *slog.Logger
	// tokens issues the tokens of ServiceAccounts that credential providers
	// ask for; nil: there is no cluster to issue any.
	tokens keyring.Issuer
	// user holds credentials of the user's that stand for the nodes'.
	user keyring.NodeSource
	// allow are networks that are dialled besides the configured ones.
	allow []netip.Prefix
	// contentDir keeps from run to run what was read at digests.
	contentDir string
	// asking puts something before what asks registries; nil: nothing.
	asking func(resolver.Prober) resolver.Prober
}

// newEngine makes of a configuration what answers requests.
func newEngine(configuration policy.Configuration, in surroundings) (*engine.Engine, error) {
	parts, err := newParts(configuration, in)
	if err != nil {
		return nil, err
	}
	return parts.engine(parts.platforms), nil
}

// parts are what engines of one configuration share.
type parts struct {
	configuration policy.Configuration
	in            surroundings
	kinds         *workload.Kinds
	credentials   resolver.Credentials
	fresh         resolver.Credentials
	registry      resolver.Prober
	platforms     []ocispec.Platform // nodes.platforms
}

func newParts(configuration policy.Configuration, in surroundings) (*parts, error) {
	kinds, err := workload.NewKinds(configuration.Workloads)
	if err != nil {
		return nil, fmt.Errorf("workloads%w", err)
	}
	node, err := nodeCredentials(configuration.Nodes, in)
	if err != nil {
		return nil, err
	}
	if in.user != nil {
		node = append(node, in.user)
	}
	hidden := hiddenHosts(configuration.Nodes)
	extra, err := platforms.ParseAll(configuration.Nodes.Platforms)
	if err != nil {
		return nil, fmt.Errorf("nodes.platforms: %w", err)
	}
	p := &parts{
		configuration: configuration, in: in, kinds: kinds, platforms: normalized(extra),
		credentials: &keyring.Keyring{Source: in.secrets, Node: node, Hidden: hidden},
		registry: registry.NewClient(registry.Options{
			HostsDir:   configuration.Registries.HostsDir,
			Guard:      registry.Guard{Allow: append(configuration.AllowedNetworks(), in.allow...)},
			Observe:    in.metrics.Requested,
			ContentDir: in.contentDir,
		}),
	}
	if in.fresh != nil {
		p.fresh = &keyring.Keyring{Source: in.fresh, Node: keyring.Anew(node), Hidden: hidden}
	}
	if in.asking != nil {
		p.registry = in.asking(p.registry)
	}
	return p, nil
}

// engine returns an engine for nodes of the given platforms, besides those that
// the surroundings know.
func (p *parts) engine(platforms []ocispec.Platform) *engine.Engine {
	cache := p.configuration.Cache
	return &engine.Engine{
		Policy: p.configuration,
		Kinds:  p.kinds,
		Resolver: &resolver.Resolver{
			Credentials: p.credentials,
			Fresh:       p.fresh,
			Registry:    p.registry,
			Nodes:       p.in.nodes,
			Platforms:   platforms,
			NodeConfig:  p.configuration.Nodes.DockerConfig != "",
			Layers:      p.configuration.Depth == policy.Layers,
			Unpinned:    slices.Contains(p.configuration.Notes, pull.UnpinnedTag),
			Cache:       resolver.NewCache(cache.Size, cache.PositiveTTL.Duration),
			Observer:    p.in.metrics,
		},
	}
}

func normalized(all []ocispec.Platform) []ocispec.Platform {
	for i, platform := range all {
		all[i] = platforms.Normalize(platform)
	}
	return all
}

// nodeCredentials returns the nodes' own credentials in the kubelet's order.
func nodeCredentials(configured policy.Nodes, in surroundings) ([]keyring.NodeSource, error) {
	var sources []keyring.NodeSource
	if configured.DockerConfig != "" {
		sources = append(sources, &keyring.NodeConfig{Path: configured.DockerConfig})
	}
	if plugins := configured.CredentialProviders; plugins.Config != "" {
		providers, err := keyring.NewProviders(plugins.Config, plugins.BinDir, in.log)
		if err != nil {
			return nil, fmt.Errorf("nodes.credentialProviders: %w", err)
		}
		providers.Issue = in.tokens
		sources = append(sources, providers)
	}
	for _, name := range configured.CloudCredentials {
		sources = append(sources, keyring.NewCloud(name, cloudLogin(name), in.log))
	}
	return sources, nil
}

// cloudLogin returns how to log in to a cloud's registries. Validation lets no
// other names through.
func cloudLogin(name string) keyring.CloudLogin {
	switch name {
	case pull.ECR:
		return cloud.ECR{}
	case pull.Google:
		return cloud.Google{}
	default:
		return cloud.NewACR(nil)
	}
}

// hiddenHosts returns where nodes may hold credentials that are not known. An
// empty list is the default: to take it for none would deny what the nodes of
// a cloud can pull. So would it to take our identity in a cloud for theirs: that
// it has all of their rights is for the list to say.
func hiddenHosts(configured policy.Nodes) []string {
	if len(configured.HiddenCredentials) == 0 {
		return keyring.DefaultHiddenHosts()
	}
	return configured.HiddenCredentials
}
