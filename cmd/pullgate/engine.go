package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pullgate/pullgate/metrics"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/nodes"
	"github.com/pullgate/pullgate/resolver/registry"
	"github.com/pullgate/pullgate/webhook"
	"github.com/pullgate/pullgate/workload"
)

// surroundings are what an engine is built into, whatever the configuration.
type surroundings struct {
	secrets keyring.Source // may remember
	fresh   keyring.Source // never does
	nodes   func() []nodes.Node
	metrics *metrics.Metrics
	log     *slog.Logger
}

// newEngine makes of a configuration what answers requests.
func newEngine(configuration policy.Configuration, in surroundings) (*webhook.Engine, error) {
	kinds, err := workload.NewKinds(configuration.Workloads)
	if err != nil {
		return nil, fmt.Errorf("workloads%w", err)
	}
	node, err := nodeCredentials(configuration.Nodes, in.log)
	if err != nil {
		return nil, err
	}
	hidden := configuration.Nodes.HiddenCredentials
	if len(hidden) == 0 {
		hidden = keyring.DefaultHiddenHosts()
	}
	extra, err := platforms.ParseAll(configuration.Nodes.Platforms)
	if err != nil {
		return nil, fmt.Errorf("nodes.platforms: %w", err)
	}
	return &webhook.Engine{
		Policy: configuration,
		Kinds:  kinds,
		Resolver: &resolver.Resolver{
			Credentials: &keyring.Keyring{Source: in.secrets, Node: node, Hidden: hidden},
			Fresh:       &keyring.Keyring{Source: in.fresh, Node: node, Hidden: hidden},
			Registry: registry.NewClient(registry.Options{
				HostsDir: configuration.Registries.HostsDir,
				Guard:    registry.Guard{Allow: configuration.AllowedNetworks()},
				Observe:  in.metrics.Requested,
			}),
			Nodes:     in.nodes,
			Platforms: normalized(extra),
			Layers:    configuration.Depth == policy.Layers,
			Cache:     resolver.NewCache(configuration.Cache.Size, configuration.Cache.PositiveTTL.Duration),
			Observer:  in.metrics,
		},
	}, nil
}

func normalized(all []ocispec.Platform) []ocispec.Platform {
	for i, platform := range all {
		all[i] = platforms.Normalize(platform)
	}
	return all
}

// nodeCredentials returns the nodes' own credentials in the kubelet's order.
func nodeCredentials(configured policy.Nodes, log *slog.Logger) ([]keyring.NodeSource, error) {
	if len(configured.CloudCredentials) > 0 {
		return nil, errors.New("nodes.cloudCredentials: not supported by this version: " +
			"leave it out, and refusals of the clouds' registries are unknown instead of denied, or use nodes.credentialProviders")
	}
	var sources []keyring.NodeSource
	if configured.DockerConfig != "" {
		sources = append(sources, &keyring.NodeConfig{Path: configured.DockerConfig})
	}
	if plugins := configured.CredentialProviders; plugins.Config != "" {
		providers, err := keyring.NewProviders(plugins.Config, plugins.BinDir, log)
		if err != nil {
			return nil, fmt.Errorf("nodes.credentialProviders: %w", err)
		}
		sources = append(sources, providers)
	}
	return sources, nil
}
