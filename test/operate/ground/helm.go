package ground

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Helm runs helm as the administrator and returns what it printed to its
// standard output.
func (g *Ground) Helm(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.programs.Helm, args...) //nolint:gosec // the caller's own
	home := filepath.Join(g.Dir(), "helm")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+g.Kubeconfig(), "HOME="+home,
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errors strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w: %s%s", strings.Join(args, " "), err, out.String(), errors.String())
	}
	return out.String(), nil
}
