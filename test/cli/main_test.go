// Package cli tests the program as people start it: command lines, what they
// print and their exit codes, on real registries and a real API server.
package cli

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// binDir is the folder with the program, by its three names.
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
	defer func() { _ = os.RemoveAll(dir) }()
	binDir = dir
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", filepath.Join(dir, "pullgate"), "./cmd/pullgate")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "error: build pullgate: %v\n%s", err, out)
		return 1
	}
	for _, name := range []string{"kubectl-pullgate", "kubectl_complete-pullgate"} {
		if err := os.Symlink("pullgate", filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			return 1
		}
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
	runScripts(t, startLab(t, lab.Options{}), "testdata/script", nil)
}

// runScripts runs the scripts of a folder, with variables for the registries.
func runScripts(t *testing.T, registries *lab.Lab, dir string, variables map[string]string) {
	t.Helper()
	names := map[string]string{
		"OPEN": registries.Open.Host, "TOKEN": registries.Token.Host, "BASIC": registries.Basic.Host,
		"FAULTY": registries.Faulty.Host, "DOWN": registries.Down,
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/pod.yaml" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - {name: a, image: %q}\n", registries.Open.Ref("shop/web:1.99"))
	}))
	t.Cleanup(site.Close)
	names["SITE"] = strings.TrimPrefix(site.URL, "http://")
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for _, set := range []map[string]string{names, variables} {
				for name, value := range set {
					env.Setenv(name, value)
				}
			}
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("USER_NAME", lab.User)
			env.Setenv("PASSWORD", lab.Password)
			env.Setenv("PATH", strings.Join([]string{binDir, variables["BIN"], env.Getenv("PATH")}, string(os.PathListSeparator)))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"expand": expand, "login": login, "dockerlogin": dockerlogin, "exit": exit,
			"golden": func(ts *testscript.TestScript, _ bool, args []string) { golden(ts, names, args) },
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
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
	config := dockerConfig(args[3:])
	manifest := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ntype: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: %s}\n",
		args[2], args[1], base64.StdEncoding.EncodeToString([]byte(config)))
	write(ts, args[0], manifest)
}

// dockerlogin FILE HOST USER PASSWORD writes what docker login would.
func dockerlogin(ts *testscript.TestScript, _ bool, args []string) {
	write(ts, args[0], dockerConfig(args[1:]))
}

// dockerConfig is for HOST USER PASSWORD.
func dockerConfig(args []string) string {
	auth := base64.StdEncoding.EncodeToString([]byte(args[1] + ":" + args[2]))
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, args[0], auth)
}

func write(ts *testscript.TestScript, file, content string) {
	path := ts.MkAbs(file)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, []byte(content), 0o600))
}

// exit CODE PROGRAM ARGS... runs a program that is to end with a code.
func exit(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
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
	// The rules are in report's own golden file.
	got = regexp.MustCompile(`(?s)"rules": \[.*?\n {10}\]`).ReplaceAllString(got, `"rules": []`)
	got = strings.ReplaceAll(got, ts.Getenv("WORK"), "/folder")
	if server := ts.Getenv("SERVER"); server != "" {
		got = strings.ReplaceAll(got, server, "https://cluster.example")
	}
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

// TestGoldenFilesAreUsed fails for golden files that no script compares.
func TestGoldenFilesAreUsed(t *testing.T) {
	var scripts strings.Builder
	for _, pattern := range []string{"testdata/script/*.txtar", "testdata/cluster/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts in %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			scripts.Write(text)
		}
	}
	files, err := os.ReadDir("testdata/golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(scripts.String(), " "+file.Name()+"\n") {
			t.Errorf("testdata/golden/%s is compared with nothing", file.Name())
		}
	}
}
