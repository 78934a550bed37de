// Package stuck tests `pullgate explain` on real kubelets: what keeps Pods from
// their images, what they say of it, and that what is proposed mends it.
package stuck

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
	"github.com/pullgate/pullgate/test/stuck/stage"
)

const root = "../.."

var (
	update = flag.Bool("update", false, "record docs/causes.md anew")
	logs   = flag.Bool("logs", false, "print what kubelets and containerds printed")
)

// on is the one stage that all tests are on. TestMain has no other way to hand it
// over; so is what it records of them.
var (
	on     *stage.Stage
	config string
	// silent and viewer are kubeconfigs: of who may read all but events, and of
	// who has the rights of the role view.
	silent, viewer string
	book           = &page{sections: map[string]section{}}
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := run(m); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(m *testing.M) error {
	bin := func(name string) string { return filepath.Join(root, "bin", name) }
	var scenarios []scenario.Scenario
	for _, t := range append(troubles(), narrow()...) {
		scenarios = append(scenarios, t.Scenario)
	}
	for _, l := range looming() {
		scenarios = append(scenarios, scenario.Scenario{Name: l.name})
	}
	ctx := context.Background()
	var err error
	on, err = stage.Start(ctx, stage.Programs{
		Kube: bin("kube"), Sleeper: absolute(bin("sleeper")), Containerd: absolute(os.Getenv("CONTAINERD")), Shim: absolute(os.Getenv("SHIM")),
		Crictl: absolute(os.Getenv("CRICTL")), Pullgate: program(),
	}, slices.Concat(scenarios, others(), alone()))
	if err != nil {
		return err
	}
	config = filepath.Join(on.Dir(), "config.yaml")
	text := fmt.Sprintf("apiVersion: pullgate.dev/v1alpha1\nkind: Configuration\nregistries: {hostsDir: %q}\n", on.Certs())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return errors.Join(err, on.Stop())
	}
	if err := accounts(ctx); err != nil {
		return errors.Join(err, on.Stop())
	}
	code := m.Run()
	if *logs {
		for _, name := range []string{stage.Roomy, stage.Narrow, stage.Bare} {
			fmt.Println(on.Log(name))
		}
	}
	if err := on.Stop(); err != nil {
		return err
	}
	if code != 0 {
		return errors.New("tests failed")
	}
	return book.close(filepath.Join(root, "docs", "causes.md"), *update)
}

// accounts makes those with fewer rights.
func accounts(ctx context.Context) error {
	reads := "--resource=pods,secrets,serviceaccounts,nodes,deployments.apps,replicasets.apps,jobs.batch,cronjobs.batch"
	for _, args := range [][]string{
		{"create", "clusterrole", "silent", "--verb=get,list", reads},
		{"create", "serviceaccount", "silent"}, {"create", "serviceaccount", "viewer"},
		{"create", "clusterrolebinding", "silent", "--clusterrole=silent", "--serviceaccount=default:silent"},
		{"create", "clusterrolebinding", "viewer", "--clusterrole=system:aggregate-to-view", "--serviceaccount=default:viewer"},
	} {
		if _, err := on.Must(ctx, "", args...); err != nil {
			return err
		}
	}
	var errs [2]error
	silent, errs[0] = on.ServiceAccountKubeconfig(ctx, "default", "silent")
	viewer, errs[1] = on.ServiceAccountKubeconfig(ctx, "default", "viewer")
	return errors.Join(errs[:]...)
}

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

// explanation is what `pullgate explain -o json` says.
type explanation struct {
	State, Code, Answer, Image string
	Evidence                   []struct{ From, Text string }
	Remedies                   []remedy
	Unread                     []string
	Others                     int
}

type remedy struct {
	Text, Command, Effect string
	Applicable            bool
}

// explained runs `pullgate explain`, as JSON, and returns the exit code, too.
func explained(t *testing.T, kubeconfig string, args ...string) (explanation, int) {
	t.Helper()
	out, code := pullgate(t, kubeconfig, append([]string{"explain", "-o", "json"}, args...)...)
	var said explanation
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("pullgate explain %q: %v: %s", args, err, out)
	}
	return said, code
}

// program is the one under test.
func program() string {
	if named := os.Getenv("PULLGATE_BINARY"); named != "" {
		return named
	}
	return absolute(filepath.Join(root, "bin", "pullgate"))
}

// pullgate runs the program.
func pullgate(t *testing.T, kubeconfig string, args ...string) ([]byte, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program(), append(args, "--config", config)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HOME="+on.Dir())
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(stdout.String()+stderr.String(), marker) {
		t.Errorf("pullgate %q prints a secret's value: %s%s", args, stdout.String(), stderr.String())
	}
	if cmd.ProcessState.ExitCode() == 2 {
		t.Fatalf("pullgate %q: %s", args, stderr.String())
	}
	return stdout.Bytes(), cmd.ProcessState.ExitCode()
}
