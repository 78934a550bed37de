package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/cluster"
	"github.com/pullgate/pullgate/test/e2e/lab"
)

// TestCluster runs the scripts that need a cluster, on a real API server: as
// its administrator, and as an account that may read no more than it must.
func TestCluster(t *testing.T) {
	c, err := cluster.Start(t.Context(), filepath.Join(root, "bin/kube"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	must := func(args ...string) string {
		t.Helper()
		out, err := c.Must(t.Context(), "", args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	if err := c.Namespace(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if err := c.Namespace(t.Context(), "soft", "pullgate.dev/mode=warn"); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{
		"KUBECONFIG": c.Kubeconfig(), "BIN": c.Bin(), "CI": absolute(t, ci),
		"SERVER": must("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"),
	}
	for _, account := range []string{"nobody", "reader"} {
		must("-n", "shop", "create", "serviceaccount", account)
		file, err := c.ServiceAccountKubeconfig(t.Context(), "shop", account)
		if err != nil {
			t.Fatal(err)
		}
		variables[strings.ToUpper(account)] = file
	}
	must("create", "clusterrole", "reader", "--verb=get,list", "--resource=nodes,namespaces")
	must("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--serviceaccount=shop:reader")
	runScripts(t, startLab(t, lab.Options{}), "testdata/cluster", variables)
}
