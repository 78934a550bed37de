package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// serverGrace is how long an API server has to end in order.
const serverGrace = 10 * time.Second

// NodeName is the name that the kubelet of a cluster has to take that can run
// Pods: kube-proxy is of the same Node.
const NodeName = "node"

// programs are those of the multicall binary.
func programs() []string {
	return []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"}
}

// errPortTaken: another program got the port between the look and the start.
var errPortTaken = errors.New("a port was taken by another program")

// startEtcd waits until etcd itself answers: the API server gives up after 20 s
// without it, and only etcd's own log tells that its port was taken.
func (c *Cluster) startEtcd(ctx context.Context) error {
	client, peer := "https://"+child.Loopback(c.ports.etcd), "http://"+child.Loopback(c.ports.peer)
	var err error
	c.store, err = c.run("etcd",
		"--name=local", "--data-dir="+c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=local="+peer,
		"--client-cert-auth", "--trusted-ca-file="+c.path("etcd-ca.crt"),
		"--cert-file="+c.path("etcd.crt"), "--key-file="+c.path("etcd.key"),
		"--log-level=warn")
	if err != nil {
		return err
	}
	who, err := c.etcd.Client("readiness")
	if err != nil {
		return err
	}
	asker, err := newClient(c.etcd, who)
	if err != nil {
		return err
	}
	return awaitReady(ctx, c.store, "ready", func() bool { return status(ctx, asker, client+"/health") == http.StatusOK })
}

// StartServer starts the API server, again after StopServer, and returns when
// it answers.
func (c *Cluster) StartServer(ctx context.Context) error {
	reconciler, serviceRange := "none", "10.96.0.0/16" // a loopback address is no endpoint
	if c.whole() {
		reconciler, serviceRange = "lease", serviceRange+",fd00:10:96::/112"
	}
	args := []string{
		"--bind-address=" + c.address, "--advertise-address=" + c.address, fmt.Sprintf("--secure-port=%d", c.ports.server),
		"--endpoint-reconciler-type=" + reconciler, "--service-cluster-ip-range=" + serviceRange,
		"--etcd-servers=https://" + child.Loopback(c.ports.etcd), "--etcd-cafile=" + c.path("etcd-ca.crt"),
		"--etcd-certfile=" + c.path("etcd.crt"), "--etcd-keyfile=" + c.path("etcd.key"),
		"--cert-dir=" + c.Dir(), "--tls-cert-file=" + c.path("server.crt"), "--tls-private-key-file=" + c.path("server.key"),
		"--client-ca-file=" + c.path("ca.crt"), "--authorization-mode=RBAC", "--allow-privileged",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.path("tokens.key"), "--service-account-signing-key-file=" + c.path("tokens.key"),
		"--profiling=false", "--kubelet-preferred-address-types=InternalIP",
		"--audit-policy-file=" + c.path("audit-policy.json"), "--audit-log-path=" + c.AuditLog(),
		"--feature-gates=ImageVolume=true", // as it is by default since 1.35
	}
	if c.shows {
		args = append(args, "--admission-control-config-file="+c.path("admission.json"))
	}
	var err error
	if c.server, err = c.run("kube-apiserver", args...); err != nil {
		return err
	}
	return awaitReady(ctx, c.server, "ready", func() bool { return c.get(ctx, "/readyz") == http.StatusOK })
}

// StopServer ends the API server; everything else goes on without it.
func (c *Cluster) StopServer() { c.server.Stop(serverGrace) }

// StopAll ends the API server, and etcd with it, which keeps its data.
func (c *Cluster) StopAll() {
	c.StopServer()
	c.store.Stop(serverGrace)
}

// StartAll starts both again, and returns when they answer.
func (c *Cluster) StartAll(ctx context.Context) error {
	if err := c.startEtcd(ctx); err != nil {
		return err
	}
	return c.StartServer(ctx)
}

// StopControllers ends the controllers for good: what is made from then on is what
// there is.
func (c *Cluster) StopControllers() { c.controller.Stop(serverGrace) }

// controllers are what the tests need of them: whatever creates Pods, counts them, and
// what gives namespaces their ServiceAccount and takes deleted ones away. Where Pods
// run, all are needed.
func (c *Cluster) controllers() string {
	if c.whole() {
		return "*"
	}
	return strings.Join([]string{
		"deployment-controller", "replicaset-controller", "replicationcontroller-controller",
		"statefulset-controller", "daemonset-controller", "job-controller", "cronjob-controller",
		"serviceaccount-controller", "namespace-controller", "garbage-collector-controller",
		"endpointslice-controller", "endpoints-controller", "resourcequota-controller", "root-ca-certificate-publisher-controller",
	}, ",")
}

func (c *Cluster) startControllers(context.Context) error {
	var err error
	c.controller, err = c.run("kube-controller-manager",
		"--kubeconfig="+c.path("controllers.kubeconfig"), "--leader-elect=false", "--secure-port=0",
		"--cert-dir="+c.Dir(), "--use-service-account-credentials", "--service-account-private-key-file="+c.path("tokens.key"),
		"--root-ca-file="+c.path("ca.crt"), "--controllers="+c.controllers(),
		"--kube-api-qps=200", "--kube-api-burst=400", "--concurrent-deployment-syncs=10")
	return err
}

func (c *Cluster) startScheduler(context.Context) error {
	_, err := c.run("kube-scheduler", "--kubeconfig="+c.Kubeconfig(), "--authentication-kubeconfig="+c.Kubeconfig(),
		"--authorization-kubeconfig="+c.Kubeconfig(), "--leader-elect=false", "--secure-port=0")
	return err
}

// startProxy leaves the kernel's limits on connections alone, which are not
// those of a network namespace.
func (c *Cluster) startProxy(context.Context) error {
	config := fmt.Sprintf(`{
  "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
  "clientConnection": {"kubeconfig": %q}, "hostnameOverride": %q, "bindAddress": %q,
  "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249",
  "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
}`, c.Kubeconfig(), NodeName, c.address)
	if err := os.WriteFile(c.path("proxy.json"), []byte(config), 0o600); err != nil {
		return err
	}
	_, err := c.run("kube-proxy", "--config="+c.path("proxy.json"))
	return err
}

func (c *Cluster) run(name string, args ...string) (*child.Child, error) {
	program, err := c.keeper.Start(child.Spec{Name: name, Path: c.path("bin", name), Args: args})
	if program != nil {
		c.children = append(c.children, program)
	}
	return program, err
}

// awaitServiceAccount waits for the ServiceAccount without which a namespace
// takes no Pods.
func (c *Cluster) awaitServiceAccount(ctx context.Context, namespace string) error {
	path := "/api/v1/namespaces/" + namespace + "/serviceaccounts/default"
	what := "able to give namespace " + namespace + " its ServiceAccount"
	return awaitReady(ctx, c.controller, what, func() bool { return c.get(ctx, path) == http.StatusOK })
}

func awaitReady(ctx context.Context, program *child.Child, what string, ready func() bool) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(startTimeout)
	}
	err := program.Await(what, deadline, func() bool { return ctx.Err() != nil || ready() })
	if err != nil && strings.Contains(program.Log(), "address already in use") {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return errors.Join(err, ctx.Err())
}

// get asks the API server and returns the status, 0 for no answer.
func (c *Cluster) get(ctx context.Context, path string) int {
	return status(ctx, c.client, c.url()+path)
}

// status asks for a URL and returns the status, 0 for no answer.
func status(ctx context.Context, client *http.Client, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0
	}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can serve again
	return response.StatusCode
}
