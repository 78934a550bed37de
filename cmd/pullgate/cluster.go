package main

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pullgate/pullgate/cluster"
	"github.com/pullgate/pullgate/resolver/keyring"
	"github.com/pullgate/pullgate/resolver/keyring/providers"
	"github.com/pullgate/pullgate/resolver/nodes"
)

// nodesAtOnce is how many Nodes are read at a time.
const nodesAtOnce = 500

// liveCluster is the cluster of --cluster, read with the user's own rights. A
// nil one is none.
type liveCluster struct {
	name, namespace string
	client          client.Client
	say             *complaints
	nodes           []nodes.Node // nil where they may not be read

	mu    sync.Mutex
	known map[string]map[string]string
}

// dialCluster reads a kubeconfig, kubectl's by default, and the cluster's Nodes.
func dialCluster(ctx context.Context, kubeconfig, inContext string, say *complaints) (*liveCluster, error) {
	config, namespace, err := clusterConfig(kubeconfig, inContext)
	if err != nil {
		return nil, err
	}
	live, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	c := &liveCluster{name: cluster.Server(config), namespace: namespace, client: live, say: say}
	return c, c.readNodes(ctx)
}

// clusterConfig says how the API server of a kubeconfig, kubectl's by default, is
// reached, and which namespace is meant where none is named. In a Pod without a
// kubeconfig it is the Pod's own.
func clusterConfig(kubeconfig, inContext string) (config *rest.Config, namespace string, err error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: inContext})
	config, err = loader.ClientConfig()
	if err != nil {
		return nil, "", &hintedError{err: err, hint: "name a kubeconfig with --kubeconfig and a context with --context"}
	}
	config.QPS, config.Burst = 50, 100
	config.UserAgent = "pullgate/" + buildVersion()
	namespace, _, err = loader.Namespace()
	return config, namespace, err
}

// readNodes lists the Nodes. That they may not be read is said; that the
// cluster gives no answer is an error.
func (c *liveCluster) readNodes(ctx context.Context) error {
	var list corev1.NodeList
	for {
		err := c.client.List(ctx, &list, client.Limit(nodesAtOnce), client.Continue(list.Continue))
		switch {
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			c.nodes = nil
			c.say.warn(fmt.Sprintf("the cluster's Nodes may not be read, so that nothing is said of platforms and of images that are there: %v", err))
			return nil
		case err != nil:
			return &hintedError{
				err: fmt.Errorf("%s gives no answer: %w", c.name, err), hint: "`kubectl get nodes` with the same kubeconfig says more",
			}
		}
		for i := range list.Items {
			c.nodes = append(c.nodes, nodes.FromObject(&list.Items[i]))
		}
		if list.Continue == "" {
			return nil
		}
	}
}

// missing is an error if a namespace is known not to be there.
func (c *liveCluster) missing(ctx context.Context, namespace string) error {
	var there corev1.Namespace
	if err := c.client.Get(ctx, client.ObjectKey{Name: namespace}, &there); !apierrors.IsNotFound(err) {
		return nil // nor is it an error that it may not be read
	}
	return &hintedError{err: fmt.Errorf("namespace %q is not there", namespace), hint: "`kubectl get namespaces` lists those that are"}
}

// profiles returns the node profiles that the cluster keeps in a namespace, read
// once; none where none is named. That they cannot be read is said.
func (c *liveCluster) profiles(ctx context.Context, namespace string) func() map[string][]byte {
	return sync.OnceValue(func() map[string][]byte {
		if c == nil || namespace == "" {
			return nil
		}
		kept, err := cluster.ReadProfiles(ctx, c.client, namespace)
		if err != nil {
			c.say.warn(fmt.Sprintf("the node profiles in Namespace %s may not be read, so that nodes count as if they had no settings of their own: %v", namespace, err))
		}
		return kept
	})
}

// source reads Secrets and ServiceAccounts; nil where there is no cluster.
func (c *liveCluster) source() keyring.Source {
	if c == nil {
		return nil
	}
	return cluster.Remember(cluster.Source{Reader: c.client})
}

// tokens issues ServiceAccounts' tokens; nil where there is no cluster.
func (c *liveCluster) tokens() providers.Issuer {
	if c == nil {
		return nil
	}
	return cluster.Tokens{Client: c.client}.Issue
}

// labels returns a Namespace's labels, asked for once.
func (c *liveCluster) labels(ctx context.Context, namespace string) map[string]string {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if labels, ok := c.known[namespace]; ok {
		return labels
	}
	labels, err := cluster.Namespaces{Cache: c.client, Direct: c.client}.Labels(ctx, namespace)
	if err != nil && !apierrors.IsNotFound(err) {
		c.say.warn(fmt.Sprintf("the labels of Namespace %s may not be read, so that the configuration's mode counts: %v", namespace, err))
	}
	if c.known == nil {
		c.known = map[string]map[string]string{}
	}
	c.known[namespace] = labels
	return labels
}

// String names the cluster; "" where there is none.
func (c *liveCluster) String() string {
	if c == nil {
		return ""
	}
	return c.name
}

// thisMachine is what a person at this machine could reach anyway.
func thisMachine() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// ownConfig says how what runs in a Pod reaches the API server: as its service
// account, or by a kubeconfig.
func ownConfig(kubeconfig string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, &hintedError{err: fmt.Errorf("kubeconfig: %w", err), hint: "name a kubeconfig with --kubeconfig, or run in a Pod with a service account"}
	}
	// One Secret may be read for every admission; the API server's own
	// priority and fairness is the better judge of what is too much.
	config.QPS, config.Burst = 500, 1000
	config.UserAgent = "pullgate/" + buildVersion()
	return config, nil
}
