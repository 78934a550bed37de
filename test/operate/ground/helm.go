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
	return g.helm(ctx, g.programs.Helm, stdin, args)
}

// Helm3 does the same by a helm of the third major version.
func (g *Ground) Helm3(ctx context.Context, stdin string, args ...string) (string, error) {
	return g.helm(ctx, g.programs.Helm3, stdin, args)
}

func (g *Ground) helm(ctx context.Context, program, stdin string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // the caller's own
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
