package cluster_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/pki"
)

// kube is the program to start, as the other tests find it.
func kube() string { return cmp.Or(os.Getenv("PULLGATE_KUBE"), "../../../bin/kube") }

func start(t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Start(t.Context(), kube())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.Dir()); !os.IsNotExist(err) {
			t.Errorf("the folder %s is still there: %v", c.Dir(), err)
		}
	})
	return c
}

// review is what a validating webhook receives and answers, as far as needed.
type review struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Request    map[string]any `json:"request,omitempty"`
	Response   map[string]any `json:"response,omitempty"`
}

// webhook denies what is called "bad" and warns of the rest.
func webhook(t *testing.T) (url string, ca []byte) {
	t.Helper()
	authority, err := pki.NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := pair.TLS()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, authority.PEM
}

func answer(w http.ResponseWriter, r *http.Request) {
	var in review
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := map[string]any{"uid": in.Request["uid"], "allowed": true, "warnings": []string{"seen by the webhook"}}
	if in.Request["name"] == "bad" {
		response = map[string]any{
			"uid": in.Request["uid"], "allowed": false,
			"status": map[string]any{"message": "the webhook says no", "reason": "Forbidden", "code": 403},
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review{APIVersion: in.APIVersion, Kind: in.Kind, Response: response})
}

const webhookConfiguration = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: test}
webhooks:
- name: test.pullgate.dev
  clientConfig: {url: %q, caBundle: %s}
  admissionReviewVersions: [v1]
  sideEffects: None
  rules:
  - {apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE]}
`

func TestDenialsAndWarningsReachKubectl(t *testing.T) {
	t.Parallel()
	c := start(t)
	url, ca := webhook(t)
	config := fmt.Sprintf(webhookConfiguration, url, base64.StdEncoding.EncodeToString(ca))
	if _, err := c.Must(t.Context(), config, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	awaitWebhook(t, c)

	good, err := c.Kubectl(t.Context(), "create", "deployment", "good", "--image=x")
	if err != nil || good.Code != 0 || good.Stderr != "Warning: seen by the webhook\n" {
		t.Errorf("create good: %+v, %v", good, err)
	}
	bad, err := c.Kubectl(t.Context(), "create", "deployment", "bad", "--image=x")
	if err != nil || bad.Code != 1 || !strings.Contains(bad.Stderr, "the webhook says no") {
		t.Errorf("create bad: %+v, %v", bad, err)
	}
}

// awaitWebhook waits until the API server has taken the configuration up.
func awaitWebhook(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for {
		result, err := c.Kubectl(t.Context(), "create", "deployment", "bad", "--image=x", "--dry-run=server")
		if err != nil {
			t.Fatal(err)
		}
		if result.Code != 0 {
			return
		}
	}
}

func TestControllersAndServiceAccounts(t *testing.T) {
	t.Parallel()
	c := start(t)
	ctx := t.Context()
	if err := c.Namespace(ctx, "shop", "pullgate.dev/mode=warn"); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := c.Must(ctx, "", args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	run("-n", "shop", "create", "deployment", "web", "--image=x", "--replicas=3")
	run("-n", "shop", "wait", "--for=create", "pod", "-l", "app=web", "--timeout=20s")
	if out := run("get", "namespace", "shop", "-o", "jsonpath={.metadata.labels}"); !strings.Contains(out, `"pullgate.dev/mode":"warn"`) {
		t.Errorf("labels of the namespace: %s", out)
	}

	run("-n", "shop", "create", "serviceaccount", "reader")
	run("-n", "shop", "create", "role", "reader", "--verb=get", "--resource=secrets")
	run("-n", "shop", "create", "rolebinding", "reader", "--role=reader", "--serviceaccount=shop:reader")
	file, err := c.ServiceAccountKubeconfig(ctx, "shop", "reader")
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]string{"secrets": "yes", "pods": "no"} {
		result, err := c.Kubectl(ctx, "--kubeconfig", file, "-n", "shop", "auth", "can-i", "get", resource)
		if err != nil || strings.TrimSpace(result.Stdout) != want {
			t.Errorf("may the account get %s: %+v, %v, want %s", resource, result, err, want)
		}
	}
	run("delete", "namespace", "shop", "--timeout=30s")
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "kube")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho it is $0 that fails >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		kube string
		want []string
	}{
		"not built": {kube: filepath.Join(t.TempDir(), "none"), want: []string{"make kube"}},
		"broken":    {kube: broken, want: []string{"exit status 3", "it is ", "etcd that fails"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, err := cluster.Start(t.Context(), tc.kube)
			if err == nil {
				_ = c.Stop()
				t.Fatal("it started")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

func TestStartIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, err := cluster.Start(ctx, kube())
	if err == nil {
		_ = c.Stop()
		t.Fatal("it started though it was told to stop")
	}
}
