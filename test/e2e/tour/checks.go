package tour

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/pullgate/pullgate/test/e2e/lab"
	"github.com/pullgate/pullgate/test/e2e/screen"
)

// Check is a `pullgate check` of a manifest and what must come of it. It needs
// no cluster.
type Check struct {
	// Title says what is being shown.
	Title string
	// Stdin is the manifest.
	Stdin string
	// Code is the exit code that must come of it.
	Code int
	// Says are texts that must be printed.
	Says []string
}

// Checks returns the part of the tour that comes before the cluster is there.
func Checks(l *lab.Lab) []Check {
	private := l.Token.Ref("shop/private:1.0")
	return []Check{
		{
			Title: "In CI: an image that can be pulled",
			Stdin: api(l.Open.Ref("shop/web:1.27"), ""), Says: []string{"1 pullable"},
		},
		{
			Title: "A tag that does not exist fails the job, and the right one is suggested",
			Stdin: api(l.Open.Ref("shop/web:1.99"), ""), Code: 1, Says: []string{tagNotFound, "shop/web:1.29"},
		},
		{
			Title: "A private image without a pull secret fails it too",
			Stdin: api(private, ""), Code: 1, Says: []string{credentialsRequired},
		},
		{
			Title: "With the Secret among the manifests it does not",
			Stdin: api(private, "regcred") + "---\n" + registrySecret("regcred", l.Token.Host), Says: []string{"1 pullable"},
		},
		{
			Title: "A registry that is down is a warning",
			Stdin: api(l.Down+"/shop/cart:7", ""), Says: []string{registryUnreachable},
		},
	}
}

// registrySecret is a Secret of the shop's, as manifests have it.
func registrySecret(name, registry string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: %s}
type: kubernetes.io/dockerconfigjson
stringData: {.dockerconfigjson: '{"auths": {%q: {"username": %q, "password": %q}}}'}
`, name, registry, lab.User, lab.Password)
}

// Run does the check by this program, prints it if there is a screen, and
// returns what was not as said.
func (c Check) Run(ctx context.Context, pullgate string, out *screen.Screen) ([]string, error) {
	cmd := exec.CommandContext(ctx, pullgate, "check", "-f", "-")
	cmd.Stdin = strings.NewReader(c.Stdin)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("run pullgate check: %w", err)
	}
	var faults []string
	if code := cmd.ProcessState.ExitCode(); code != c.Code {
		faults = append(faults, fmt.Sprintf("exit code %d, want %d", code, c.Code))
	}
	for _, text := range c.Says {
		if !strings.Contains(string(output), text) {
			faults = append(faults, fmt.Sprintf("expected it to say %q", text))
		}
	}
	if out != nil {
		c.print(out, string(output), faults)
	}
	return faults, nil
}

func (c Check) print(out *screen.Screen, output string, faults []string) {
	out.Line(screen.Bold, "\n%s", c.Title)
	out.Line(screen.Cyan, "  $ pullgate check -f - <<'%s'", heredoc)
	for line := range strings.Lines(c.Stdin) {
		out.Line(screen.Faint, "  %s", strings.TrimRight(line, "\n"))
	}
	out.Line(screen.Faint, "  %s", heredoc)
	for line := range strings.Lines(output) {
		out.Line(style(line), "    %s", strings.TrimRight(line, "\n"))
	}
	if len(faults) == 0 {
		out.Line(screen.Green, "  ✓ exit code %d", c.Code)
	}
	for _, fault := range faults {
		out.Line(screen.Red, "  ✗ %s", fault)
	}
}
