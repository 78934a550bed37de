package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Result is what a kubectl command gave.
type Result struct {
	// Args are the command's, without the program.
	Args []string
	// Stdout and Stderr are what it printed; Output is both, warnings and
	// errors first, as they come on a terminal.
	Stdout, Stderr, Output string
	// Code is the exit code.
	Code int
}

// Kubectl runs kubectl as the administrator.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (Result, error) {
	return c.KubectlWith(ctx, "", args...)
}

// KubectlWith runs kubectl with this standard input. A command that fails is
// a Result with a code; the error is for a kubectl that could not be run.
func (c *Cluster) KubectlWith(ctx context.Context, stdin string, args ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path("bin", "kubectl"), args...) //nolint:gosec // the arguments are the caller's
	cmd.Dir = c.Dir()
	cmd.Env = c.kubectlEnv()
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	result := Result{Args: args, Stdout: stdout.String(), Stderr: stderr.String(), Output: stderr.String() + stdout.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		result.Code, err = exit.ExitCode(), nil
	}
	if err != nil {
		return result, fmt.Errorf("run kubectl %s: %w", strings.Join(args, " "), err)
	}
	return result, nil
}

// Must runs kubectl and makes an error of a command that fails.
func (c *Cluster) Must(ctx context.Context, stdin string, args ...string) (string, error) {
	result, err := c.KubectlWith(ctx, stdin, args...)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("kubectl %s: exit code %d: %s", strings.Join(args, " "), result.Code, result.Output)
	}
	return result.Stdout, err
}

// kubectlEnv keeps the user's own configuration and caches out of it.
func (c *Cluster) kubectlEnv() []string {
	env := []string{"KUBECONFIG=" + c.Kubeconfig(), "HOME=" + c.Dir(), "KUBECACHEDIR=" + c.path("cache")}
	for _, name := range []string{"PATH", "TMPDIR", "LANG"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}

// Namespace makes a namespace with these labels ("key=value") and waits until
// Pods can be created in it.
func (c *Cluster) Namespace(ctx context.Context, name string, labels ...string) error {
	if _, err := c.Must(ctx, "", "create", "namespace", name); err != nil {
		return err
	}
	if len(labels) > 0 {
		if _, err := c.Must(ctx, "", append([]string{"label", "namespace", name}, labels...)...); err != nil {
			return err
		}
	}
	return c.awaitServiceAccount(ctx, name)
}

// ServiceAccountKubeconfig writes a kubeconfig with a token of an existing
// ServiceAccount and returns the file: whoever uses it has the rights of that
// account and no more.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name string) (string, error) {
	token, err := c.Must(ctx, "", "create", "token", name, "--namespace", namespace, "--duration=24h")
	if err != nil {
		return "", fmt.Errorf("make a token for ServiceAccount %s/%s: %w", namespace, name, err)
	}
	file := c.path(namespace + "-" + name + ".kubeconfig")
	return file, c.writeKubeconfig(file, user{"token": strings.TrimSpace(token)})
}
