package wiring

import (
	"fmt"
	"net/http"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver/cloud"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/providers"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry"
)

// nodeCredentials returns the nodes' own credentials in the kubelet's order, and
// then what stands for them. Clouds are asked within the limits of a guard.
func nodeCredentials(configured policy.Nodes, guard registry.Guard, in Dependencies) ([]keyring.NodeSource, error) {
	var sources []keyring.NodeSource
	if configured.DockerConfig != "" {
		sources = append(sources, &providers.NodeConfig{Path: configured.DockerConfig})
	}
	if plugins := configured.CredentialProviders; plugins.Config != "" {
		programs, err := providers.NewPlugins(plugins.Config, plugins.BinDir, in.Log)
		if err != nil {
			return nil, fmt.Errorf("nodes.credentialProviders: %w", err)
		}
		programs.Issue = in.Tokens
		sources = append(sources, programs)
	}
	for _, name := range configured.CloudCredentials {
		sources = append(sources, providers.NewCloud(name, cloudLogin(name, registry.Guarded(guard)), in.Log))
	}
	if in.User != nil {
		sources = append(sources, in.User)
	}
	return sources, nil
}

// cloudLogin returns how to log in to a cloud's registries, where what an image
// names is reached by guarded. Validation lets no other names through.
func cloudLogin(name string, guarded http.RoundTripper) providers.CloudLogin {
	switch name {
	case pull.ECR:
		return cloud.ECR{Transport: guarded}
	case pull.Google:
		return cloud.Google{}
	default:
		return cloud.NewACR(nil, guarded)
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
