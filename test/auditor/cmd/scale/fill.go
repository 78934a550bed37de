package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pullgate/pullgate/test/auditor"
	"github.com/pullgate/pullgate/test/e2e/cluster"
)

const (
	// namespaces is over how many what is made is spread.
	namespaces = 20
	// containers is how many a Deployment has, each with an image of its own.
	containers = 10
	nodes      = 100
	atOnce     = 16
)

// size is how much there is.
type size struct{ workloads, pods, images int }

// maker makes objects.
type maker struct {
	client   *http.Client
	url      string
	registry *auditor.Registry
	size     size
}

// fill makes Nodes, Deployments with their ReplicaSets and Pods, and the images.
// The controllers rest meanwhile and afterwards, which would make Pods of their
// own.
func fill(ctx context.Context, c *cluster.Cluster, registry *auditor.Registry, s size) error {
	client, url, err := c.Connect()
	if err != nil {
		return err
	}
	m := &maker{client: client, url: url, registry: registry, size: s}
	for i := range s.images {
		if err := registry.Push(image(i), "scale"); err != nil {
			return err
		}
	}
	for i := range namespaces {
		if err := c.Namespace(ctx, namespace(i)); err != nil {
			return err
		}
	}
	c.StopControllers()
	for what, make := range map[string]struct {
		n   int
		one func(context.Context, int) error
	}{"Nodes": {nodes, m.node}, "Deployments with their Pods": {s.workloads, m.workload}} {
		fmt.Fprintf(os.Stderr, "making %d %s\n", make.n, what)
		var group errgroup.Group
		group.SetLimit(atOnce)
		for i := range make.n {
			group.Go(func() error { return make.one(ctx, i) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func image(i int) string     { return fmt.Sprintf("scale/app-%d:1", i) }
func namespace(i int) string { return fmt.Sprintf("scale-%d", i%namespaces) }

func (m *maker) node(ctx context.Context, i int) error {
	_, err := m.create(ctx, "/api/v1/nodes", fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"node-%d"}}`, i))
	return err
}

// workload makes a Deployment, its ReplicaSet and their Pods.
func (m *maker) workload(ctx context.Context, i int) error {
	name, at := fmt.Sprintf("app-%d", i), "/apis/apps/v1/namespaces/"+namespace(i)
	var all []string
	for j := range containers {
		all = append(all, fmt.Sprintf(`{"name":"c%d","image":%q,"env":[{"name":"A","value":%q}]}`, j, m.registry.Ref(image((i*containers+j)%m.size.images)), strings.Repeat("v", 100)))
	}
	spec := func(kind, owner string, containers []string) string {
		return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":%q,"metadata":{"name":%q%s},"spec":{"replicas":20,"selector":{"matchLabels":{"app":%q}},"template":{"metadata":{"labels":{"app":%q}},"spec":{"containers":[%s]}}}}`,
			kind, name, owner, name, name, strings.Join(containers, ","))
	}
	uid, err := m.create(ctx, at+"/deployments", spec("Deployment", "", all))
	if err != nil {
		return err
	}
	if uid, err = m.create(ctx, at+"/replicasets", spec("ReplicaSet", ownedBy("Deployment", name, uid), all)); err != nil {
		return err
	}
	for j := range m.size.pods / m.size.workloads {
		pod := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s-%d","labels":{"app":%q}%s},"spec":{"nodeName":"node-%d","containers":[%s]}}`,
			name, j, name, ownedBy("ReplicaSet", name, uid), (i+j)%nodes, strings.Join(all[:2], ","))
		if _, err := m.create(ctx, "/api/v1/namespaces/"+namespace(i)+"/pods", pod); err != nil {
			return err
		}
	}
	return nil
}

func ownedBy(kind, name, uid string) string {
	return fmt.Sprintf(`,"ownerReferences":[{"apiVersion":"apps/v1","kind":%q,"name":%q,"uid":%q,"controller":true}]`, kind, name, uid)
}

// create creates an object and returns its UID.
func (m *maker) create(ctx context.Context, path, object string) (uid string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url+path, bytes.NewReader([]byte(object)))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := m.client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("create at %s: %s: %s", path, response.Status, body)
	}
	var made struct{ Metadata struct{ UID string } }
	err = json.Unmarshal(body, &made)
	return made.Metadata.UID, err
}
