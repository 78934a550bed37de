package operate

import (
	"fmt"
	"strings"
	"testing"
)

// Where rbac.secretNamespaces does not let Pullgate read Secrets, what needs one
// is unknown, and let in.
func TestSecretNamespaces(t *testing.T) {
	installed(t)
	for _, name := range []string{"shop", "crm"} {
		if err := on.Namespace(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		must(t, "-n", name, "create", "secret", "docker-registry", "regcred",
			"--docker-server="+on.Registry.Host, "--docker-username=u", "--docker-password=p")
		defer must(t, "delete", "namespace", name)
	}
	helm(t, "upgrade", "pullgate", chart, "--values", "-", "--wait", "--set", "rbac.secretNamespaces={shop}")
	for name, refused := range map[string]bool{"shop": true, "crm": false} {
		pod := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
			"spec": {"imagePullSecrets": [{"name": "regcred"}], "containers": [{"name": "web", "image": %q}]}}`, on.Registry.Bad(1))
		result, err := on.KubectlWith(t.Context(), pod, "-n", name, "create", "--dry-run=server", "-f", "-")
		if err != nil || (result.Code != 0) != refused || strings.Contains(result.Stderr, "Warning:") == refused {
			t.Errorf("in %s: %v: %s", name, err, result.Output)
		}
	}
}
