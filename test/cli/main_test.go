// Package cli tests the program as people start it: command lines, what they
// print and their exit codes, on real registries and a real API server.
package cli

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// root is the repository.
const root = "../.."

// version is what the program under test says of itself.
const version = "v0.0.0-test"

// binDir is the folder with the program, by its two names.
var binDir string

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run builds the program once for all tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pullgate-cli-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir = dir
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", filepath.Join(dir, "pullgate"), "./cmd/pullgate")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "error: build pullgate: %v\n%s", err, out)
		return 1
	}
	if err := os.Symlink("pullgate", filepath.Join(dir, "kubectl-pullgate")); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return m.Run()
}

// startLab runs the registries for one test.
func startLab(t *testing.T, options lab.Options) *lab.Lab {
	t.Helper()
	options.Dir = t.TempDir()
	registries, err := lab.Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := registries.Close(); err != nil {
			t.Error(err)
		}
	})
	return registries
}

func TestScripts(t *testing.T) {
	registries := startLab(t, lab.Options{})
	names := map[string]string{
		"OPEN": registries.Open.Host, "TOKEN": registries.Token.Host, "BASIC": registries.Basic.Host,
		"FAULTY": registries.Faulty.Host, "DOWN": registries.Down,
	}
	used := map[string]bool{}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, host := range names {
				env.Setenv(name, host)
			}
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("USER_NAME", lab.User)
			env.Setenv("PASSWORD", lab.Password)
			env.Setenv("PATH", binDir+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("TERM", "xterm")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": expand,
			"login":  login,
			"exit":   exit,
			"golden": func(ts *testscript.TestScript, _ bool, args []string) {
				used[args[1]] = true
				golden(ts, names, args)
			},
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
	t.Cleanup(func() { noStrays(t, used) })
}

// expand FILE... puts the registries' addresses into files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		path := ts.MkAbs(name)
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(path, []byte(text), 0o600))
	}
}

// login FILE NAMESPACE NAME HOST USER PASSWORD writes a pull secret.
func login(ts *testscript.TestScript, _ bool, args []string) {
	auth := base64.StdEncoding.EncodeToString([]byte(args[4] + ":" + args[5]))
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, args[3], auth)
	manifest := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: %s}\n",
		args[2], args[1], base64.StdEncoding.EncodeToString([]byte(config)))
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(manifest), 0o600))
}

// exit CODE PROGRAM ARGS... runs a program that is to end with a code.
func exit(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Fatalf("run %v: %v", args[1:], err)
		}
		code = exit.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// golden FILE NAME compares a file (or stdout, stderr) with a golden one.
func golden(ts *testscript.TestScript, names map[string]string, args []string) {
	got := ts.ReadFile(args[0])
	for name, host := range names {
		got = strings.ReplaceAll(got, host, strings.ToLower(name)+".example")
		got = strings.ReplaceAll(got, strings.Replace(host, ":", "%3A", 1), strings.ToLower(name)+".example")
	}
	got = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(got, "sha256:DIGEST")
	got = regexp.MustCompile(`"pullgate/v1": "[0-9a-f]{32}"`).ReplaceAllString(got, `"pullgate/v1": "FINGERPRINT"`)
	got = strings.ReplaceAll(got, ts.Getenv("WORK"), "/work-folder")
	path := filepath.Join("testdata/golden", args[1])
	if *update {
		ts.Check(os.WriteFile(path, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	ts.Check(err)
	if got != string(want) {
		ts.Fatalf("%s differs from %s (-update writes it anew):\n%s", args[0], path, got)
	}
}

// noStrays fails for golden files that nothing compares, where all were.
func noStrays(t *testing.T, used map[string]bool) {
	files, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() || flag.Lookup("test.run").Value.String() != "" {
		return
	}
	for _, file := range files {
		if !used[file.Name()] {
			t.Errorf("testdata/golden/%s is compared with nothing", file.Name())
		}
	}
}
