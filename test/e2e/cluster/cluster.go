// Package cluster runs a local Kubernetes for the tests and the demo: etcd,
// kube-apiserver and kube-controller-manager as child processes on loopback
// addresses, and kubectl. There is no scheduler and no kubelet, so Pods stay
// Pending; with StartAt there are a scheduler and a kube-proxy, and kubelets can
// join.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

const (
	// startTimeout is for a machine that is busy; it takes about 4 s on one
	// that is not.
	startTimeout = 90 * time.Second
	// startTries is how often a start is tried when another program was
	// quicker to take one of the ports.
	startTries = 3
	loopback   = "127.0.0.1"
	// ServiceIP is the address of the Service that leads to the API server.
	ServiceIP = "10.96.0.1"
)

// Cluster is a running Kubernetes.
type Cluster struct {
	keeper     *child.Keeper
	kube       string
	address    string
	ports      ports
	cluster    *pki.Authority
	etcd       *pki.Authority
	admin      pki.Pair
	controller *child.Child
	server     *child.Child
	store      *child.Child
	children   []*child.Child
	client     *http.Client
	// shows says that the API server shows webhooks who it is.
	shows bool
}

// ports are those of one cluster.
type ports struct{ etcd, peer, server int }

// Start runs a cluster from the multicall binary kube, and returns when it
// answers and gives ServiceAccounts. Stop must be called.
func Start(ctx context.Context, kube string) (*Cluster, error) {
	return StartAt(ctx, kube, loopback)
}

// StartAt runs a cluster whose API server has this address of the machine. If
// it is no loopback address, Pods can be run: by kubelets that are to join, at
// that address, with Services by kube-proxy, for which a network namespace of
// one's own and root are needed.
func StartAt(ctx context.Context, kube, address string) (*Cluster, error) {
	kube, err := filepath.Abs(kube)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(kube); err != nil {
		return nil, fmt.Errorf("the local Kubernetes is not built: %w; run `make kube`", err)
	}
	for range startTries {
		var c *Cluster
		if c, err = start(ctx, kube, address); !errors.Is(err, errPortTaken) {
			return c, err
		}
	}
	return nil, err
}

func start(ctx context.Context, kube, address string) (*Cluster, error) {
	keeper, err := child.NewKeeper("", "pullgate-kube")
	if err != nil {
		return nil, err
	}
	c := &Cluster{keeper: keeper, kube: kube, address: address}
	if err := c.up(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// up brings the programs up in their order.
func (c *Cluster) up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	steps := []func(context.Context) error{c.prepare, c.startEtcd, c.StartServer, c.startControllers}
	if c.whole() {
		steps = append(steps, c.startScheduler, c.startProxy)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return c.awaitServiceAccount(ctx, "default")
}

// prepare makes ports, links, keys and kubeconfigs.
func (c *Cluster) prepare(ctx context.Context) error {
	for _, port := range []*int{&c.ports.etcd, &c.ports.peer, &c.ports.server} {
		var err error
		if *port, err = child.FreePort(ctx); err != nil {
			return err
		}
	}
	if err := os.Mkdir(c.path("bin"), 0o700); err != nil {
		return err
	}
	for _, name := range programs() {
		if err := os.Symlink(c.kube, c.path("bin", name)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(c.path("audit-policy.json"), []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	return c.writeCredentials()
}

// auditPolicy records who writes what has pod templates, and with it what
// admission webhooks have to say of it; nothing else.
const auditPolicy = `{
  "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "omitManagedFields": true,
  "rules": [
    {"level": "None", "users": ["system:kube-controller-manager"]},
    {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
    {"level": "Metadata", "verbs": ["create", "update", "patch"], "resources": [
      {"group": "", "resources": ["pods", "pods/ephemeralcontainers"]}, {"group": "apps"}, {"group": "batch"}
    ]}
  ]
}`

// Stop ends every program and removes the folder.
func (c *Cluster) Stop() error {
	for _, program := range c.children {
		program.Stop(0) // its data is thrown away with it
	}
	return c.keeper.Close()
}

// Keeper is the owner of the cluster's folder, for programs that are to end
// with the cluster.
func (c *Cluster) Keeper() *child.Keeper { return c.keeper }

// Dir is the cluster's folder; whatever is put into it is removed with it.
func (c *Cluster) Dir() string { return c.keeper.Dir }

// Bin is the folder in which kubectl is.
func (c *Cluster) Bin() string { return c.path("bin") }

// Kubeconfig is the file with which one is the administrator.
func (c *Cluster) Kubeconfig() string { return c.path("kubeconfig") }

// AuditLog is the file in which the API server writes down, one JSON object a
// line, requests that write workloads.
func (c *Cluster) AuditLog() string { return c.path("audit.log") }

func (c *Cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.keeper.Dir}, elements...)...)
}

// url is that of the API server.
func (c *Cluster) url() string {
	return "https://" + net.JoinHostPort(c.address, strconv.Itoa(c.ports.server))
}

// whole tells whether the cluster can run Pods.
func (c *Cluster) whole() bool { return c.address != loopback }
