package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// Gate is a Pullgate that the API server calls.
type Gate struct {
	// ConfigFile is its configuration; a change is taken up by itself.
	ConfigFile string
	// URL is where it is asked.
	URL string
	// MetricsURL is where it counts.
	MetricsURL string
	// Namespace is the one in which it would run as a Pod, and Account is the
	// ServiceAccount whose rights it has.
	Namespace, Account string
	// Env and Args are added to its environment and its arguments when it is started
	// the next time.
	Env, Args []string

	cluster  *cluster.Cluster
	readyURL string
	spec     child.Spec
	program  *child.Child
	client   *http.Client
}

// startGate installs the manifest, runs Pullgate with the rights of the
// manifest's ServiceAccount, and returns when the API server calls it.
func startGate(ctx context.Context, c *cluster.Cluster, options Options) (*Gate, error) {
	m, err := readManifest(ctx, c, options.Manifest)
	if err != nil {
		return nil, err
	}
	g := &Gate{Namespace: m.namespace, Account: m.account, Env: options.Env, cluster: c, client: &http.Client{Timeout: 5 * time.Second}}
	if err := g.prepare(ctx, m, options); err != nil {
		return nil, err
	}
	if err := apply(ctx, c, append(m.base, m.service(), m.webhook)...); err != nil {
		return nil, fmt.Errorf("install the manifest: %w", err)
	}
	kubeconfig, err := c.ServiceAccountKubeconfig(ctx, m.namespace, m.account)
	if err != nil {
		return nil, err
	}
	g.spec.Args = append(g.spec.Args, "--kubeconfig", kubeconfig)
	if options.Before != nil {
		more, err := options.Before(ctx, c)
		if err != nil {
			return nil, err
		}
		g.spec.Args = append(g.spec.Args, more...)
	}
	return g, g.Start(ctx)
}

// prepare finds addresses, writes the files, and says how Pullgate is to be
// run: as the manifest says, but for what depends on where.
func (g *Gate) prepare(ctx context.Context, m *manifest, options Options) error {
	dir := filepath.Join(g.cluster.Dir(), "pullgate")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	config := options.Config
	if config == "" {
		config = DefaultConfig
	}
	g.ConfigFile = filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(g.ConfigFile, []byte(config), 0o600); err != nil {
		return err
	}
	var ports [3]int
	for i := range ports {
		var err error
		if ports[i], err = child.FreePort(ctx); err != nil {
			return err
		}
	}
	g.URL = "https://" + child.Loopback(ports[0]) + "/validate"
	g.MetricsURL = "http://" + child.Loopback(ports[1]) + "/metrics"
	g.readyURL = "http://" + child.Loopback(ports[2]) + "/readyz"
	command := slices.Concat(options.Under, []string{options.Binaries.Pullgate}, m.args, []string{
		"--config", g.ConfigFile, "--bind-address", child.Loopback(ports[0]),
		"--metrics-bind-address", child.Loopback(ports[1]), "--health-probe-bind-address", child.Loopback(ports[2]),
	})
	g.spec = child.Spec{Name: "pullgate", Path: command[0], Args: command[1:]}
	var ca []byte
	if options.CertDir {
		var err error
		if ca, err = writeCertificate(dir, m.serviceHost()); err != nil {
			return err
		}
		g.spec.Args = append(g.spec.Args, "--cert-dir", dir)
	}
	m.point(ports[0], ca)
	return nil
}

func writeCertificate(dir, host string) (ca []byte, err error) {
	authority, err := pki.NewAuthority("pullgate")
	if err != nil {
		return nil, err
	}
	pair, err := authority.Server(host)
	if err != nil {
		return nil, err
	}
	return authority.PEM, pair.Write(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
}

// Start runs Pullgate, once more after an end, and returns when the API server
// calls it.
func (g *Gate) Start(ctx context.Context) error {
	if _, err := g.StartReady(ctx); err != nil {
		return err
	}
	return g.awaitCalls(ctx)
}

// StartReady runs Pullgate, once more after an end, and returns when it is ready,
// with how long that took.
func (g *Gate) StartReady(ctx context.Context) (time.Duration, error) {
	spec := g.spec
	spec.Env, spec.Args = g.Env, slices.Concat(g.spec.Args, g.Args)
	start := time.Now()
	var err error
	if g.program, err = g.cluster.Keeper().Start(spec); err != nil {
		return 0, err
	}
	ready := func() bool { return g.status(ctx, g.readyURL) == http.StatusOK }
	err = g.program.Await("ready", time.Now().Add(gateTimeout), ready)
	return time.Since(start), err
}

// awaitCalls waits until the API server has taken the webhook configuration
// up, by asking for what changes nothing, with an image that is at no registry,
// until Pullgate counts it.
func (g *Gate) awaitCalls(ctx context.Context) error {
	var last cluster.Result
	var failure error
	called := func() bool {
		last, failure = g.cluster.Kubectl(ctx, "create", "deployment", "is-pullgate-there", "--image=//there", "--dry-run=server")
		calls, err := g.Calls(ctx)
		failure = errors.Join(failure, err)
		return failure != nil || calls > 0
	}
	if err := g.program.Await("called by the API server", time.Now().Add(gateTimeout), called); err != nil {
		return fmt.Errorf("%w\nkubectl said: %s", err, last.Output)
	}
	return failure
}

// Configure changes the configuration file, and returns when Pullgate has taken
// it up or refused it.
func (g *Gate) Configure(ctx context.Context, config string) (taken bool, err error) {
	reloads := func(result string) float64 {
		var count float64
		if err == nil {
			count, err = g.Metric(ctx, "pullgate_configuration_reloads_total", `result="`+result+`"`)
		}
		return count
	}
	before, refused := reloads("taken"), reloads("refused")
	if err == nil {
		err = os.WriteFile(g.ConfigFile, []byte(config), 0o600)
	}
	awaited := g.program.Await("configured", time.Now().Add(gateTimeout), func() bool {
		taken = reloads("taken") > before
		return taken || reloads("refused") > refused || err != nil
	})
	return taken, errors.Join(err, awaited)
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

// Kill ends it as a crash would.
func (g *Gate) Kill() { g.program.Stop(0) }
