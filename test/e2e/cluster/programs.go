package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pullgate/pullgate/test/e2e/child"
)

// errPortTaken: another program got the port between the look and the start.
var errPortTaken = errors.New("a port was taken by another program")

// startEtcd waits until etcd itself answers: the API server gives up after 20 s
// without it, and only etcd's own log tells that its port was taken.
func (c *Cluster) startEtcd(ctx context.Context) error {
	client, peer := "https://"+child.Loopback(c.ports.etcd), "http://"+child.Loopback(c.ports.peer)
	etcd, err := c.run("etcd",
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
	return awaitReady(ctx, etcd, "ready", func() bool { return status(ctx, asker, client+"/health") == http.StatusOK })
}

func (c *Cluster) startServer(ctx context.Context) error {
	server, err := c.run("kube-apiserver",
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports.server),
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--etcd-servers=https://"+child.Loopback(c.ports.etcd), "--etcd-cafile="+c.path("etcd-ca.crt"),
		"--etcd-certfile="+c.path("etcd.crt"), "--etcd-keyfile="+c.path("etcd.key"),
		"--cert-dir="+c.Dir(), "--tls-cert-file="+c.path("server.crt"), "--tls-private-key-file="+c.path("server.key"),
		"--client-ca-file="+c.path("ca.crt"), "--authorization-mode=RBAC", "--allow-privileged",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.path("tokens.key"), "--service-account-signing-key-file="+c.path("tokens.key"),
		"--profiling=false",
		"--audit-policy-file="+c.path("audit-policy.json"), "--audit-log-path="+c.AuditLog())
	if err != nil {
		return err
	}
	return awaitReady(ctx, server, "ready", func() bool { return c.get(ctx, "/readyz") == http.StatusOK })
}

// startControllers runs what the tests need of the controllers: whatever
// creates Pods, and what gives namespaces their ServiceAccount and takes
// deleted ones away.
func (c *Cluster) startControllers(context.Context) error {
	var err error
	c.controller, err = c.run("kube-controller-manager",
		"--kubeconfig="+c.path("controllers.kubeconfig"), "--leader-elect=false", "--secure-port=0",
		"--cert-dir="+c.Dir(), "--use-service-account-credentials", "--service-account-private-key-file="+c.path("tokens.key"),
		"--root-ca-file="+c.path("ca.crt"), "--controllers="+strings.Join([]string{
			"deployment-controller", "replicaset-controller", "replicationcontroller-controller",
			"statefulset-controller", "daemonset-controller", "job-controller", "cronjob-controller",
			"serviceaccount-controller", "namespace-controller", "garbage-collector-controller",
			"endpointslice-controller", "endpoints-controller", "root-ca-certificate-publisher-controller",
		}, ","),
		"--kube-api-qps=200", "--kube-api-burst=400", "--concurrent-deployment-syncs=10")
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
