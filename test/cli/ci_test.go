package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pullgate/pullgate/test/e2e/lab"
)

// ci is where the jobs for CI systems are.
const ci = root + "/deploy/ci/"

func readYAML(t *testing.T, file string, documents ...any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for _, document := range documents {
		if err := decoder.Decode(document); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

// shell runs a script in a folder as CI would, and returns what it printed and
// its exit code.
func shell(t *testing.T, dir, program, script string, env map[string]string) (out string, code int) {
	t.Helper()
	cmd := exec.Command(program, "-e", "-c", script)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + binDir + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	output, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(output), cmd.ProcessState.ExitCode()
}

// repository makes a folder with manifests: one that is broken below deploy/,
// and one that is not.
func repository(t *testing.T, registries *lab.Lab) string {
	t.Helper()
	dir := t.TempDir()
	for name, image := range map[string]string{"deploy/sub/bad.yaml": "shop/web:1.99", "fine/good.yaml": "shop/web:1.29", "overlay/web.yaml": "shop/web:1.29"} {
		text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: %q}]}\n", registries.Open.Ref(image))
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay/kustomization.yaml"), []byte("resources: [web.yaml]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestGitHubAction runs the action's steps as a runner would.
func TestGitHubAction(t *testing.T) {
	registries := startLab(t, lab.Options{})
	dir := repository(t, registries)
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Steps []struct {
				ID, Run string
				Env     map[string]string
			}
		}
	}
	readYAML(t, ci+"github/action.yml", &action)
	run := func(inputs map[string]string) (string, int) {
		t.Helper()
		temp := t.TempDir()
		var all string
		for _, step := range action.Runs.Steps {
			env := map[string]string{
				"RUNNER_TEMP": temp, "GITHUB_OUTPUT": filepath.Join(temp, "output"), "GITHUB_PATH": filepath.Join(temp, "path"),
				"GITHUB_ACTION_PATH": absolute(t, ci+"github"),
			}
			for name, value := range step.Env {
				input := regexp.MustCompile(`^\$\{\{ inputs\.([a-z-]+) \}\}$`).FindStringSubmatch(value)
				if input == nil {
					t.Fatalf("%s: %s is no input", name, value)
				}
				env[name] = action.Inputs[input[1]].Default
				if given, ok := inputs[input[1]]; ok {
					env[name] = given
				}
			}
			if strings.Contains(step.Run, "${{") {
				t.Errorf("step %s puts an input into its script, where it could be a command", step.ID)
			}
			out, code := shell(t, dir, "bash", step.Run, env)
			all += out
			if code != 0 {
				return all, code
			}
		}
		for _, name := range []string{"output", "pullgate.json"} {
			if _, err := os.Stat(filepath.Join(temp, name)); err != nil {
				t.Error(err)
			}
		}
		return all, 0
	}
	if out, code := run(map[string]string{"files": "deploy/", "sarif": "out.sarif", "html": "out.html"}); code != 1 || !strings.Contains(out, "::error file=deploy/sub/bad.yaml,line=4,") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, name := range []string{"out.sarif", "out.html"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, inputs := range map[string]map[string]string{
		"not recursive":  {"files": "deploy/sub\nfine/\n", "recursive": "false", "fail-on": "never"},
		"kustomize":      {"kustomize": "overlay", "platforms": "linux/amd64"},
		"images":         {"images": registries.Open.Ref("shop/web:1.29") + "\n" + registries.Open.Ref("shop/api:2.0")},
		"fail on never":  {"files": "deploy/", "fail-on": "never"},
		"no code inside": {"files": "fine/\n$(touch injected)\n", "fail-on": "never"},
	} {
		out, code := run(inputs)
		if want := map[bool]int{true: 2, false: 0}[name == "no code inside"]; code != want {
			t.Errorf("%s: exit code %d, want %d:\n%s", name, code, want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "injected")); err == nil {
		t.Error("an input was run as a command")
	}
}

// TestGitLabComponent runs the job's script with its inputs filled in.
func TestGitLabComponent(t *testing.T) {
	registries := startLab(t, lab.Options{})
	dir := repository(t, registries)
	var header struct {
		Spec struct {
			Inputs map[string]struct {
				Default string
				Options []string
			}
		}
	}
	var jobs map[string]struct {
		BeforeScript []string `yaml:"before_script"`
		Script       []string
		Artifacts    struct {
			Paths   []string
			Reports map[string]string
		}
	}
	readYAML(t, ci+"gitlab/templates/check.yml", &header, &jobs)
	job := jobs["pullgate-check"]
	fill := func(line string, inputs map[string]string) string {
		return regexp.MustCompile(`\$\[\[ inputs\.([a-z-]+) \]\]`).ReplaceAllStringFunc(line, func(match string) string {
			name := strings.Fields(match)[1][len("inputs."):]
			input, known := header.Spec.Inputs[name]
			if !known {
				t.Errorf("%s is no input", match)
			}
			if given, ok := inputs[name]; ok {
				return given
			}
			return input.Default
		})
	}
	for arguments, want := range map[string]int{"": 1, "-f deploy/ -R": 1, "-f fine/": 0, "-k overlay": 0, "-f missing/": 2} {
		inputs := map[string]string{}
		if arguments != "" {
			inputs["arguments"] = arguments
		}
		script := strings.Join(append(slices.Clone(job.BeforeScript), job.Script...), "\n")
		out, code := shell(t, dir, "sh", fill(script, inputs), map[string]string{"PULLGATE_VERSION": "v1.0.0"})
		if code != want {
			t.Errorf("%q: exit code %d, want %d:\n%s", arguments, code, want, out)
		}
		for _, file := range append(slices.Collect(maps.Values(job.Artifacts.Reports)), job.Artifacts.Paths...) {
			if info, err := os.Stat(filepath.Join(dir, file)); code != 2 && (err != nil || info.Size() == 0) {
				t.Errorf("%q: artifact %s: %v", arguments, file, err)
			}
		}
	}
}

// TestPreCommitHooks runs the hooks' command lines.
func TestPreCommitHooks(t *testing.T) {
	dir := repository(t, startLab(t, lab.Options{}))
	var hooks []struct {
		ID, Entry string
		Args      []string
		Filenames *bool `yaml:"pass_filenames"`
	}
	readYAML(t, root+"/.pre-commit-hooks.yaml", &hooks)
	for _, hook := range hooks {
		out, code := shell(t, dir, "sh", hook.Entry+" "+strings.Join(hook.Args, " "), nil)
		if code != 1 || !strings.Contains(out, "deploy/sub/bad.yaml:4") || hook.Filenames == nil || *hook.Filenames {
			t.Errorf("%s: exit code %d:\n%s", hook.ID, code, out)
		}
	}
}

// TestTektonTask runs the step's command line, with parameters filled in.
func TestTektonTask(t *testing.T) {
	dir := repository(t, startLab(t, lab.Options{}))
	var task struct {
		Spec struct {
			Params []struct {
				Name    string
				Default yaml.Node
			}
			Steps []struct{ Command, Args []string }
		}
	}
	readYAML(t, ci+"tekton/task.yaml", &task)
	values := map[string][]string{}
	for _, param := range task.Spec.Params {
		var many []string
		if param.Default.Decode(&many) != nil {
			many = []string{param.Default.Value}
		}
		values[param.Name] = many
	}
	step := task.Spec.Steps[0]
	arguments := slices.Clone(step.Command[1:])
	for _, argument := range step.Args {
		name := regexp.MustCompile(`^\$\(params\.([a-z-]+)(\[\*\])?\)$`).FindStringSubmatch(argument)
		if name == nil {
			arguments = append(arguments, argument)
			continue
		}
		arguments = append(arguments, values[name[1]]...)
	}
	out, code := shell(t, dir, "sh", "pullgate "+strings.Join(arguments, " "), map[string]string{"DOCKER_CONFIG": ""})
	if code != 1 || !strings.Contains(out, "deploy/sub/bad.yaml:4") || step.Command[0] != "/pullgate" {
		t.Errorf("pullgate %v: exit code %d:\n%s", arguments, code, out)
	}
}

// TestInstallScript installs from a release that is made up, and not from one
// that was changed.
func TestInstallScript(t *testing.T) {
	arch := runtime.GOARCH
	archive := fmt.Sprintf("pullgate_1.0.0_%s_%s.tar.gz", runtime.GOOS, arch)
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	writer := tar.NewWriter(compressed)
	script := []byte("#!/bin/sh\necho pullgate v1.0.0\n")
	if err := writer.WriteHeader(&tar.Header{Name: "pullgate", Mode: 0o755, Size: int64(len(script))}); err != nil {
		t.Fatal(err)
	}
	_, _ = writer.Write(script)
	_, _ = writer.Close(), compressed.Close()
	sum := fmt.Sprintf("%x", sha256.Sum256(packed.Bytes()))
	for name, test := range map[string]struct {
		checksums string
		code      int
	}{
		"sound":   {sum + "  " + archive + "\n", 0},
		"changed": {strings.Repeat("0", 64) + "  " + archive + "\n", 2},
		"unknown": {sum + "  other.tar.gz\n", 2},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/v1.0.0/" + archive:
				_, _ = w.Write(packed.Bytes())
			case "/v1.0.0/checksums.txt":
				_, _ = io.WriteString(w, test.checksums)
			default:
				http.NotFound(w, r)
			}
		}))
		dir := t.TempDir()
		out, code := shell(t, dir, "sh", absolute(t, ci+"install.sh")+" v1.0.0 "+dir+"/bin", map[string]string{"PULLGATE_RELEASES": server.URL})
		server.Close()
		_, err := os.Stat(dir + "/bin/pullgate")
		if code != test.code || (err == nil) != (test.code == 0) {
			t.Errorf("%s: exit code %d, %v:\n%s", name, code, err, out)
		}
	}
	if out, code := shell(t, t.TempDir(), "sh", absolute(t, ci+"install.sh")+" v1.0.0 bin", map[string]string{"PULLGATE_RELEASES": "http://127.0.0.1:1"}); code == 0 {
		t.Errorf("without a server: exit code %d:\n%s", code, out)
	}
}
