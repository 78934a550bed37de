// Package ci checks the jobs for CI systems with the systems' own validators.
package ci

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"
)

const jobs = "../../deploy/ci/"

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(jobs + file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTektonTask asks Tekton's own types and validation, as its admission
// webhook does.
func TestTektonTask(t *testing.T) {
	text := read(t, "tekton/task.yaml")
	if err := validateTask(text); err != nil {
		t.Error(err)
	}
	broken := bytes.Replace(text, []byte("$(params.image)"), []byte("$(params.imag)"), 1)
	if err := validateTask(broken); err == nil || !strings.Contains(err.Error(), "imag") {
		t.Errorf("a wrong parameter gives %v, so nothing is validated", err)
	}
}

func validateTask(text []byte) error {
	var task tekton.Task
	if err := yaml.UnmarshalStrict(text, &task); err != nil {
		return err
	}
	ctx := context.Background()
	task.SetDefaults(ctx)
	if err := task.Validate(ctx); err != nil {
		return err
	}
	return nil
}

// TestGitHubWorkflow lints the example with the action as if it were in the
// same repository, so that the action and its inputs are looked at too.
func TestGitHubWorkflow(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "deploy/ci/github/action.yml"), read(t, "github/action.yml"))
	workflow := bytes.Replace(read(t, "github/workflow.yml"), []byte("pullgate/pullgate/deploy/ci/github@v1.0.0"), []byte("./deploy/ci/github"), 1)
	for name, test := range map[string]struct {
		workflow []byte
		want     string
	}{
		"example":       {workflow, ""},
		"a wrong input": {bytes.Replace(workflow, []byte("files: deploy/"), []byte("filez: deploy/"), 1), "filez"},
	} {
		file := filepath.Join(dir, ".github/workflows/images.yml")
		write(t, file, test.workflow)
		linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		project, err := actionlint.NewProject(dir)
		if err != nil {
			t.Fatal(err)
		}
		problems, err := linter.LintFile(file, project)
		if err != nil {
			t.Fatal(err)
		}
		if (len(problems) == 0) != (test.want == "") || len(problems) > 0 && !strings.Contains(problems[0].Message, test.want) {
			t.Errorf("%s: %v", name, problems)
		}
	}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
