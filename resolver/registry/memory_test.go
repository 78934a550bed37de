package registry

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/registry/containerd"
	"github.com/pullgate/pullgate/resolver/registry/wire"
)

// inMemory is a way to a registry that is a function, for fuzzing.
type inMemory struct {
	http.Handler
	asked atomic.Int32
}

// RoundTrip answers at once.
func (m *inMemory) RoundTrip(req *http.Request) (*http.Response, error) {
	m.asked.Add(1)
	answer := httptest.NewRecorder()
	m.ServeHTTP(answer, req)
	resp := answer.Result()
	resp.Request = req
	if req.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	return resp, nil
}

// probe asks a registry in memory.
func (m *inMemory) probe(t testing.TB, q pull.Query) pull.Finding {
	finding, _ := m.client(t, &q).ask(t.Context(), q, false)
	sane(t, finding)
	if secret := leaked(finding); secret != "" {
		t.Errorf("%q is in %+v", secret, finding)
	}
	return finding
}

// client returns a Client that has kept the registry as the image's.
func (m *inMemory) client(t testing.TB, q *pull.Query) *Client {
	c := client(t, "")
	q.Image = pulledReference(q.Image)
	m.keep(c, *q)
	return c
}

// keep makes a Client keep the registry as an image's.
func (m *inMemory) keep(c *Client, q pull.Query) {
	httpClient := &http.Client{Transport: c.hosts.Wire.Over(m)}
	hosts := []docker.RegistryHost{{
		Client: httpClient, Scheme: "https", Host: "registry.test", Path: "/v2",
		Capabilities: docker.HostCapabilityPull | docker.HostCapabilityResolve,
		Authorizer: docker.NewDockerAuthorizer(docker.WithAuthClient(httpClient), docker.WithAuthCreds(func(string) (string, string, error) {
			username, password := q.Credential.Basic()
			return username, password, nil
		})),
	}}
	until := time.Now().Add(time.Hour)
	c.kept.PutUntil(c.key(q.Image, q.Credential, containerd.ByHosts), keptEntry{hosts: hosts, held: wire.Serialize(hosts), until: until}, until)
}
