// Package ground is a whole cluster on this machine, in a network namespace of
// its own: a control plane, a Node that runs Pods, Services, and a registry.
// Pullgate runs in it as it does anywhere, installed by Helm.
package ground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/pulloracle/node"
)

const (
	// Address is the Node's, and with it the API server's and the registry's.
	Address = "10.67.0.1"
	// startFor is how long a step of the start may take.
	startFor = time.Minute
	// plugins is where Debian has the CNI plugins.
	plugins = "/usr/lib/cni"
	// Sandbox is the image of Pods' sandboxes, which sleeps.
	Sandbox = "pullgate.test/sandbox:1"
	// Image is the one that the chart names by default.
	Image = "ghcr.io/pullgate/pullgate:0.1.0"
)

// Programs are those that the ground is made of.
type Programs struct {
	Kube, Containerd, Shim, Ctr, Helm, Helm3, Sleeper, Provider string
	// Archive is the one that `make image` builds, with the image called Image.
	Archive string
}

// Ground is what runs.
type Ground struct {
	*cluster.Cluster
	Registry *Registry

	programs Programs
	node     *node.Node
	kubelet  *node.Kubelet
}

// Start makes a ground. Enter is to be called before, and Stop after.
func Start(ctx context.Context, programs Programs) (*Ground, error) {
	g := &Ground{programs: programs}
	for _, step := range []func(context.Context) error{
		g.startCluster, g.startRegistry, g.startContainerd, g.loadImages, g.startKubelet,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, g.Stop())
		}
	}
	return g, nil
}

func (g *Ground) startCluster(ctx context.Context) error {
	var err error
	g.Cluster, err = cluster.StartAt(ctx, g.programs.Kube, Address)
	return err
}

func (g *Ground) startRegistry(ctx context.Context) error {
	var err error
	g.Registry, err = startRegistry(ctx)
	return err
}

// network is a bridge, as small clusters have it.
const network = `{
  "cniVersion": "1.0.0", "name": "pods", "plugins": [{
    "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.68.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}`

func (g *Ground) startContainerd(ctx context.Context) error {
	err := errors.Join(g.furnishMachine(), g.Mirror(Private))
	if err != nil {
		return fmt.Errorf("write the Node's settings: %w", err)
	}
	g.node, err = node.Start(ctx, node.Options{
		Binary: g.programs.Containerd, Shim: g.programs.Shim, Sandbox: Sandbox, Plugins: plugins, Network: network,
		Certs: filepath.Join(g.Machine(), "etc/containerd/certs.d"),
	})
	return err
}

// loadImages brings the two images to the Node that nobody pulls.
func (g *Ground) loadImages(ctx context.Context) error {
	pause, err := archive(Sandbox, g.programs.Sleeper)
	if err != nil {
		return fmt.Errorf("make the image %s: %w", Sandbox, err)
	}
	built, err := os.Open(g.programs.Archive)
	if err != nil {
		return fmt.Errorf("%w: run `make test-operate`", err)
	}
	defer func() { _ = built.Close() }()
	for _, archive := range []io.Reader{pause, built} {
		if err := g.node.Load(ctx, g.programs.Ctr, archive); err != nil {
			return fmt.Errorf("load an image: %w", err)
		}
	}
	return nil
}

// StopNode ends the kubelet and deletes its Node. Containers go on.
func (g *Ground) StopNode(ctx context.Context) error {
	g.kubelet.Stop()
	_, err := g.Must(ctx, "", "delete", "node", cluster.NodeName)
	return err
}

// StartNode has a kubelet join again, after StopNode or StopKubelet.
func (g *Ground) StartNode(ctx context.Context) error { return g.startKubelet(ctx) }

// StopKubelet ends the kubelet, as if its machine were off; the Node is there.
func (g *Ground) StopKubelet() { g.kubelet.Stop() }

func (g *Ground) startKubelet(ctx context.Context) error {
	dir := filepath.Join(g.Dir(), "kubelet")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // Pods' volumes are below it
		return fmt.Errorf("make the kubelet's folder: %w", err)
	}
	var err error
	g.kubelet, err = g.node.StartKubelet(node.KubeletOptions{
		Binary: filepath.Join(g.Bin(), "kubelet"), Name: cluster.NodeName, Address: Address, Kubeconfig: g.Kubeconfig(), Dir: dir,
		ProviderConfig: filepath.Join(g.Machine(), providersFile), ProviderDir: g.ProviderDir(),
		Shared: true,
	})
	if err != nil {
		return err
	}
	var failure error
	err = g.kubelet.Await("a Node that is Ready", time.Now().Add(startFor), func() bool {
		result, err := g.Kubectl(ctx, "wait", "--for=condition=Ready", "node/"+cluster.NodeName, "--timeout=1s")
		failure = err
		return err != nil || result.Code == 0
	})
	return errors.Join(err, failure)
}

// Log is what the kubelet and containerd printed.
func (g *Ground) Log() string { return g.kubelet.Log() + g.node.Log() }

// Stop ends all of it.
func (g *Ground) Stop() error {
	var errs []error
	if g.kubelet != nil {
		g.kubelet.Stop()
	}
	if g.node != nil {
		errs = append(errs, g.node.Close())
	}
	if g.Registry != nil {
		errs = append(errs, g.Registry.close())
	}
	if g.Cluster != nil {
		errs = append(errs, unmount(g.Dir()), g.Cluster.Stop())
	}
	return errors.Join(errs...)
}
