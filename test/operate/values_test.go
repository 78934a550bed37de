package operate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// render is what the chart makes of values.
func render(t *testing.T, values string, args ...string) (string, error) {
	t.Helper()
	return on.Helm(t.Context(), values, append([]string{
		"template", "values", chart, "--namespace", namespace, "--values", "-", "--skip-tests",
	}, args...)...)
}

// accepted asks the API server whether it would take a manifest, and returns
// what it warns of.
func accepted(t *testing.T, manifest string) string {
	t.Helper()
	result, err := on.KubectlWith(t.Context(), manifest, "apply", "--dry-run=server", "-f", "-")
	if err != nil {
		t.Fatal(err)
	}
	if result.Code != 0 {
		t.Error(result.Output)
	}
	return result.Stderr
}

// The values for kinds of clusters, each in a namespace that admits Pods of the
// restricted standard alone. With the nodes' network no Pod is of that.
func TestValues(t *testing.T) {
	files, err := filepath.Glob(root + "/deploy/values/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, want 8 or more: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			values, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := render(t, string(values))
			if err != nil {
				t.Fatal(err)
			}
			warned := accepted(t, manifest)
			hostNetwork := strings.Contains(manifest, "hostNetwork: true")
			if strings.Contains(warned, "would violate PodSecurity") != hostNetwork {
				t.Errorf("with hostNetwork %t the API server warns: %s", hostNetwork, warned)
			}
		})
	}
}

// Values that change what is rendered, and what has to be in it then.
func TestRendered(t *testing.T) {
	for name, test := range map[string]struct {
		values string
		want   []string
		not    []string
	}{
		"default": {`{}`, []string{"kubernetes.io/os: linux", "resources: [serviceaccounts, secrets]"}, []string{"ResourceQuota", "caBundle", "hostNetwork", "callers", "--token"}},
		"callers of the webhook": {
			`{"networkPolicy": {"enabled": true, "webhookFrom": [{"ipBlock": {"cidr": "10.0.0.2/32"}}]}}`,
			[]string{"- {port: webhook, protocol: TCP}\n    from:\n    - ipBlock:\n        cidr: 10.0.0.2/32"}, nil,
		},
		"who is answered": {
			`{"webhook": {"callers": {"certificateAuthority": "-----BEGIN CERTIFICATE-----", "tokens": true, "tokenAccounts": [{"namespace": "kube-system", "name": "auth"}]}}, "certificate": {"existingSecret": "own"}}`,
			[]string{"--client-ca-file=/etc/pullgate-callers/ca.crt", "--token-audience=https://values-pullgate." + namespace + ".svc:443/validate", "--token-user=system:serviceaccount:kube-system:auth", "--webhook-configuration=values-pullgate", "name: values-pullgate-callers"}, nil,
		},
		"a system class": {`{"priorityClassName": "system-cluster-critical"}`, []string{"kind: ResourceQuota", "values: [system-cluster-critical]"}, nil},
		"another class":  {`{"priorityClassName": "high"}`, []string{"priorityClassName: high"}, []string{"ResourceQuota"}},
		"secrets of two namespaces": {
			`{"rbac": {"secretNamespaces": ["shop", "crm"]}}`,
			[]string{"resources: [serviceaccounts]", "name: values-pullgate-secrets\n  namespace: shop", "name: values-pullgate-secrets\n  namespace: crm"}, nil,
		},
		"node profiles": {
			`{"nodeProfile": {"enabled": true, "distinct": 2}}`,
			[]string{"kind: DaemonSet", "profilesNamespace: pullgate-system", "resourceNames: [values-pullgate-node-profile-0, values-pullgate-node-profile-1]\n  verbs: [get, update]"}, nil,
		},
		"no ids":       {`{"podSecurityContext": {"runAsUser": null, "runAsGroup": null, "fsGroup": null}}`, []string{"runAsNonRoot: true"}, []string{"runAsUser", "fsGroup"}},
		"an authority": {`{"extraCAs": "-----BEGIN CERTIFICATE-----"}`, []string{"SSL_CERT_DIR", "pullgate.dev/extra-cas"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			manifest, err := render(t, test.values)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(manifest, want) {
					t.Errorf("no %q in it", want)
				}
			}
			for _, not := range test.not {
				if strings.Contains(manifest, not) {
					t.Errorf("%q is in it", not)
				}
			}
		})
	}
	for values, want := range map[string]string{
		`{"networkPolicy": {"enabled": true}}`:                         "networkPolicy.webhookFrom",
		`{"webhook": {"port": 8080}}`:                                  "[8080 8080 8081]: each needs a port of its own",
		`{"webhook": {"excludedNamespaces": ["team-*"]}}`:              "/webhook/excludedNamespaces/0",
		`{"rbac": {"secretNamespaces": ["*", "shop"]}}`:                "/rbac/secretNamespaces",
		`{"webhook": {"callers": {"certificateAuthority": "a/file"}}}`: "/webhook/callers/certificateAuthority",
	} {
		if _, err := render(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is to be refused for %q: %v", values, want, err)
		}
	}
	for _, path := range []string{"serviceMonitor", "prometheusRule", "dashboard"} {
		manifest, err := render(t, `{"`+path+`": {"enabled": true}}`, "--show-only", "templates/monitoring.yaml")
		if err != nil || path != "serviceMonitor" && !strings.Contains(manifest, "pullgate_") {
			t.Errorf("%s: %v: %s", path, err, manifest)
		}
	}
}
