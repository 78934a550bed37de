package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

const (
	gateTimeout = 30 * time.Second
	// gateGrace is for an end in order.
	gateGrace = 5 * time.Second
)

// Gate is a running Pullgate that the API server calls.
type Gate struct {
	// ConfigFile is its configuration; a change is taken up by itself.
	ConfigFile string
	// MetricsURL is where it counts.
	MetricsURL string
	// Namespace is the one in which it would run as a Pod.
	Namespace string

	program *child.Child
	client  *http.Client
}

// startGate installs the manifest, runs Pullgate with the rights of the
// manifest's ServiceAccount, and returns when the API server calls it.
func startGate(ctx context.Context, c *cluster.Cluster, options Options) (*Gate, error) {
	m, err := readManifest(ctx, c, options.Manifest)
	if err != nil {
		return nil, err
	}
	if err := apply(ctx, c, m.base...); err != nil {
		return nil, fmt.Errorf("install the manifest: %w", err)
	}
	kubeconfig, err := c.ServiceAccountKubeconfig(ctx, m.namespace, m.account)
	if err != nil {
		return nil, err
	}
	g := &Gate{Namespace: m.namespace, client: &http.Client{Timeout: 5 * time.Second}}
	url, ca, err := g.run(ctx, c, options, kubeconfig)
	if err != nil {
		return g, err
	}
	if err := m.point(url, ca); err != nil {
		return g, err
	}
	if err := apply(ctx, c, m.webhook); err != nil {
		return g, fmt.Errorf("register the webhook: %w", err)
	}
	return g, g.awaitCalls(ctx, c)
}

// run starts the program and returns the address of its webhook and the
// authority to check it by.
func (g *Gate) run(ctx context.Context, c *cluster.Cluster, options Options, kubeconfig string) (url string, ca []byte, err error) {
	dir := filepath.Join(c.Dir(), "pullgate")
	if ca, err = writeCertificate(dir); err != nil {
		return "", nil, err
	}
	config := options.Config
	if config == "" {
		config = DefaultConfig
	}
	g.ConfigFile = filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(g.ConfigFile, []byte(config), 0o600); err != nil {
		return "", nil, err
	}
	var addresses [3]string
	for i := range addresses {
		port, err := child.FreePort(ctx)
		if err != nil {
			return "", nil, err
		}
		addresses[i] = child.Loopback(port)
	}
	g.MetricsURL = "http://" + addresses[1] + "/metrics"
	g.program, err = c.Keeper().Start(child.Spec{Name: "pullgate", Path: options.Binaries.Pullgate, Args: []string{
		"serve", "--config", g.ConfigFile, "--kubeconfig", kubeconfig, "--cert-dir", dir, "--namespace", g.Namespace,
		"--bind-address", addresses[0], "--metrics-bind-address", addresses[1], "--health-probe-bind-address", addresses[2],
	}})
	if err != nil {
		return "", nil, err
	}
	ready := func() bool { return g.status(ctx, "http://"+addresses[2]+"/readyz") == http.StatusOK }
	return "https://" + addresses[0], ca, g.program.Await("ready", time.Now().Add(gateTimeout), ready)
}

func writeCertificate(dir string) (ca []byte, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	authority, err := pki.NewAuthority("pullgate")
	if err != nil {
		return nil, err
	}
	pair, err := authority.Server("127.0.0.1")
	if err != nil {
		return nil, err
	}
	return authority.PEM, pair.Write(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
}

// awaitCalls waits until the API server has taken the webhook configuration
// up, by asking for what changes nothing, with an image that is at no registry,
// until Pullgate counts it.
func (g *Gate) awaitCalls(ctx context.Context, c *cluster.Cluster) error {
	var last cluster.Result
	var failure error
	called := func() bool {
		last, failure = c.Kubectl(ctx, "create", "deployment", "is-pullgate-there", "--image=//there", "--dry-run=server")
		calls, err := g.Calls(ctx)
		failure = errors.Join(failure, err)
		return failure != nil || calls > 0
	}
	if err := g.program.Await("called by the API server", time.Now().Add(gateTimeout), called); err != nil {
		return fmt.Errorf("%w\nkubectl said: %s", err, last.Output)
	}
	return failure
}

func (g *Gate) status(ctx context.Context, url string) int {
	response, err := g.get(ctx, url)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can serve again
	return response.StatusCode
}

func (g *Gate) get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	return g.client.Do(request)
}

// Log is what Pullgate has printed.
func (g *Gate) Log() string { return g.program.Log() }

// PID is the number of its process.
func (g *Gate) PID() int { return g.program.PID() }

// Stop ends Pullgate; the webhook stays registered.
func (g *Gate) Stop() {
	if g.program != nil {
		g.program.Stop(gateGrace)
	}
}
