package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	const image = "spec.containers[0].image"
	tests := map[string]struct {
		stream string
		object int
		field  string
		want   int
	}{
		"first":           {pods, 0, image, 10},
		"on one line":     {pods, 1, image, 16},
		"start":           {pods, 1, "", 13},
		"missing":         {pods, 0, "spec.containers[0].command", 9},
		"beyond the list": {pods, 0, "spec.containers[7].image", 9},
		"windows":         {strings.ReplaceAll(pods, "\n", "\r\n"), 0, image, 10},
		"block scalar":    {"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: >-\n      nginx\n", 0, image, 5},
		"alias":           {"apiVersion: v1\nkind: Pod\nx: &i nginx\nspec:\n  containers:\n  - image: *i\n", 0, image, 6},
		"aliased list":    {"apiVersion: v1\nkind: Pod\nx: &c\n- image: nginx\nspec:\n  containers: *c\n", 0, image, 4},
		"merged":          {"apiVersion: v1\nkind: Pod\nx: &c\n  image: nginx\nspec:\n  containers:\n  - <<: *c\n    name: a\n", 0, image, 4},
		"merged list":     {"apiVersion: v1\nkind: Pod\nx: &c\n  image: nginx\nspec:\n  containers:\n  - <<: [*c]\n", 0, image, 4},
		"twice":           {"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a\n    image: b\n", 0, image, 6},
		"yaml list":       {"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - image: a\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - image: b\n", 1, image, 13},
		"json":            {"{\n \"apiVersion\": \"v1\",\n \"kind\": \"Pod\",\n \"spec\": {\n  \"containers\": [\n   {\"name\": \"a\"},\n   {\n    \"image\":\n      \"b\"}]}}", 0, "spec.containers[1].image", 9},
		"json in a row":   {"{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n\n{\"apiVersion\": \"v1\",\n\"kind\": \"Pod\"}", 1, "kind", 4},
		"json, started":   {"\n\n  {\"apiVersion\": \"v1\", \"kind\": \"Pod\"}", 0, "", 3},
		"json list":       {"{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\"},\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\"spec\": {\"containers\": [{\"image\":\"b\"}]}}]}", 1, image, 4},
		"json missing":    {"{\"apiVersion\": \"v1\",\n \"kind\": \"Pod\",\n \"spec\": {}}", 0, image, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(test.stream)})
			wantProblem(t, s, "")
			if len(s.Objects) <= test.object {
				t.Fatalf("only %d objects", len(s.Objects))
			}
			got := s.Objects[test.object].Find(test.field, "")
			if want := (Position{File: "-", Line: test.want}); got != want {
				t.Errorf("found at %v, want %v", got, want)
			}
		})
	}
}

func TestKustomization(t *testing.T) {
	pod := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: a\n    image: nginx:1\n  - name: b\n    image: busybox:1\n"
	dir := write(t, map[string]string{
		"base/kustomization.yaml": "resources: [web.yaml]\n",
		"base/web.yaml":           pod,
		"over/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\nimages:\n- name: other\n  newTag: \"7\"\n- name: nginx\n  newTag: \"2\"\nsecretGenerator:\n- name: s\n  literals: [a=b]\n",
		"marked/Kustomization":    "resources: [../base]\nbuildMetadata: [originAnnotations]\n",
	})
	s := read(Input{Kustomize: []string{filepath.Join(dir, "over")}})
	wantProblem(t, s, "")
	compare(t, s, kubectlKustomize(t, filepath.Join(dir, "over")))
	if len(s.Objects) != 2 {
		t.Fatalf("read %v, want a Secret and a Pod", names(t, s))
	}
	changed := s.Objects[1].Find("spec.containers[0].image", "nginx:2")
	if want := (Position{File: filepath.Join(dir, "over/kustomization.yaml"), Line: 6}); changed != want {
		t.Errorf("the image that the kustomization changed: %v, want %v", changed, want)
	}
	kept := s.Objects[1].Find("spec.containers[1].image", "busybox:1")
	if want := (Position{File: filepath.Join(dir, "base/web.yaml"), Line: 10}); kept != want {
		t.Errorf("the image from the base: %v, want %v", kept, want)
	}
	if got, want := s.Objects[0].Start, (Position{File: filepath.Join(dir, "over/kustomization.yaml"), Line: 1}); got != want {
		t.Errorf("the generated Secret: %v, want %v", got, want)
	}
	if s := read(Input{Kustomize: []string{filepath.Join(dir, "marked")}}); len(s.Objects) != 1 || s.Objects[0].Start.Line != 1 {
		t.Errorf("with the option already set: %v", s)
	}
}

// TestKustomizationPlaces: where what was built comes from.
func TestKustomizationPlaces(t *testing.T) {
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME}\nspec:\n  template:\n    spec:\n      containers:\n      - name: main\n        image: IMAGE\n"
	of := func(name, image string) string {
		return strings.NewReplacer("NAME", name, "IMAGE", image).Replace(deployment)
	}
	dir := write(t, map[string]string{
		"base/kustomization.yaml": "resources: [all.yaml]\nimages:\n- name: two\n  newName: reg.example/two\n  newTag: \"2\"\n",
		"base/all.yaml":           of("web", "one:1") + "---\n" + of("web-api", "two:dummy") + "---\n" + of("api", "three:1"),
		"over/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\npatches:\n- path: patch.yaml\n- target: {kind: Deployment, name: api}\n  patch: |-\n    - op: replace\n      path: /spec/template/spec/containers/0/image\n      value: four:1\n",
		"over/patch.yaml":         strings.Replace(of("web", "sidecar:1"), "main", "sidecar", 1),
	})
	s := read(Input{Kustomize: []string{filepath.Join(dir, "over")}})
	wantProblem(t, s, "")
	got := map[string]string{}
	for i := range s.Objects {
		var object struct {
			Spec struct {
				Template struct {
					Spec struct{ Containers []struct{ Image string } }
				}
			}
		}
		if err := json.Unmarshal(s.Objects[i].Raw, &object); err != nil {
			t.Fatal(err)
		}
		for j, c := range object.Spec.Template.Spec.Containers {
			at := s.Objects[i].Find(fmt.Sprintf("spec.template.spec.containers[%d].image", j), c.Image)
			got[c.Image], _ = strings.CutPrefix(at.String(), dir+"/")
		}
	}
	want := map[string]string{
		"one:1": "base/all.yaml:9", "sidecar:1": "over/patch.yaml:9", "reg.example/two:2": "base/kustomization.yaml:3", "four:1": "over/kustomization.yaml:9",
	}
	if !maps.Equal(got, want) {
		t.Errorf("places %v, want %v", got, want)
	}
	if at := s.Objects[0].Find("spec.template.spec.containers[0].image", "no such image"); at != s.Objects[0].Start || at.File != filepath.Join(dir, "base/all.yaml") {
		t.Errorf("an image of nowhere is at %v", at)
	}
}

func TestKustomizationProblems(t *testing.T) {
	dir := write(t, map[string]string{
		"none/x":                   "",
		"bad/kustomization.yaml":   "resources: [",
		"field/kustomization.yaml": "resourcez: []\n",
		"meta/kustomization.yaml":  "resources: [x.yaml]\nbuildMetadata: all\n",
		"meta/x.yaml":              pods,
		"bare/kustomization.yaml":  "resources: [x.yaml]\n",
		"bare/x.yaml":              "kind: Pod\nmetadata: {name: a}\n",
		"type/kustomization.yaml":  "namePrefix: [a]\n",
		"gone/kustomization.yaml":  "resources: [gone.yaml]\n",
	})
	for name, want := range map[string]string{
		"none": "unable to find one of 'kustomization.yaml'", "bad": "yaml", "field": `unknown field "resourcez"`,
		"gone": "no such file or directory", "missing": "not a valid directory",
		"meta": "buildMetadata", "bare": "without apiVersion", "type": "stands where namePrefix has something else",
	} {
		s := read(Input{Kustomize: []string{filepath.Join(dir, name)}})
		if len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Error(), want) || strings.Contains(s.Problems[0].Error(), "\n") || strings.Contains(s.Problems[0].Error(), "Go ") {
			t.Errorf("%s: problems %v, want one line with %q", name, s.Problems, want)
		}
	}
}

// TestHelmTemplates: each document's own comment counts.
func TestHelmTemplates(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}]}\n"
	const text = "---\n# Source: shop/templates/web.yaml\n" + pod + "---\n" + pod + "---\n# Source: shop/templates/bad.yaml\na: [\n---\n{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n# Source: late.yaml\n"
	s := read(Input{Files: []string{Stdin}, Stdin: strings.NewReader(text)})
	var got []string
	for i := range s.Objects {
		got = append(got, s.Objects[i].Start.Template, s.Objects[i].Find("spec.containers[0].image", "").Template)
	}
	for _, problem := range s.Problems {
		got = append(got, problem.Template)
	}
	if want := []string{"shop/templates/web.yaml", "shop/templates/web.yaml", "", "", "", "", "shop/templates/bad.yaml"}; !slices.Equal(got, want) {
		t.Errorf("templates %q, want %q", got, want)
	}
}
