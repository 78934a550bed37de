package manifest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// podOf is a manifest of a Pod.
func podOf(name string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: {containers: [{name: a, image: nginx}]}\n"
}

const patchOfPod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: a, env: []}]}\n"

func TestFolders(t *testing.T) {
	kustomized := map[string]string{
		"base/kustomization.yaml": "resources: [web.yaml]\nconfigMapGenerator: [{name: c, files: [key=settings.yaml]}]\ntransformers: [t.yaml]\ngeneratorOptions: {disableNameSuffixHash: true}\n",
		"base/web.yaml":           podOf("web"), "base/settings.yaml": "{{ no manifest }}\n",
		"base/t.yaml":             "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: t}\nprefix: x-\nfieldSpecs: [{path: metadata/name}]\n",
		"prod/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\nnameSuffix: -prod\n", "prod/patch.yaml": patchOfPod,
		"dev/kustomization.yml": "resources: [../base]\nnameSuffix: -dev\n", "dev/loose.yaml": podOf("loose"),
		"part/Kustomization": "kind: Component\npatches: [{path: p.yaml}]\n", "part/p.yaml": patchOfPod,
		"plain/pod.yaml": podOf("plain"),
	}
	chart := map[string]string{
		"chart/Chart.yaml": "apiVersion: v2\nname: shop\n", "chart/values.yaml": "a: b\n", "chart/templates/a.yaml": "{{ a }}", "chart/templates/sub/b.yml": "a: {{ b }}\n",
		"chart/templates/_x.tpl": "", "chart/charts/sub/Chart.yaml": "name: sub\n", "chart/charts/sub/templates/c.yaml": podOf("no"), "chart/crds/d.yaml": podOf("no"),
		"chart/examples/pod.yaml": podOf("example"), "chart/files/x.yaml": "{{ x }}", "chart/charts/sub/values.yaml": "{", "pod.yaml": podOf("beside"),
	}
	excluded := map[string]string{
		"a.yaml": podOf("a"), "b.yaml": podOf("b"), "gen/c.yaml": podOf("c"), "gen/keep/d.yaml": podOf("d"), "x/test/e.yaml": podOf("e"), "x/gen.yaml": podOf("gen"),
		ignoreFile: "# ours\n\n/gen/*\n!/gen/keep\n", "x/" + ignoreFile: "test/\n",
	}
	tests := map[string]struct {
		files   map[string]string
		in      Input
		want    []string
		passed  string
		problem string
	}{
		"kustomizations":     {files: kustomized, in: Input{Recursive: true}, want: []string{"ConfigMap/x-c-dev", "Pod/x-web-dev", "Pod/loose", "Pod/plain", "ConfigMap/x-c-prod", "Pod/x-web-prod"}},
		"one that is left":   {files: kustomized, in: Input{Recursive: true, Exclude: []string{"prod", "/dev"}}, want: []string{"ConfigMap/x-c", "Pod/x-web", "Pod/plain"}},
		"each uses another":  {files: map[string]string{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"}, in: Input{Recursive: true}, problem: "cycle detected"},
		"without -R":         {files: map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": podOf("a"), "sub/b.yaml": podOf("b")}, want: []string{"Pod/a"}},
		"broken":             {files: map[string]string{"kustomization.yaml": "resources: [gone.yaml]\n", "a.yaml": podOf("a")}, want: []string{"Pod/a"}, problem: "no such file or directory"},
		"a chart":            {files: chart, in: Input{Recursive: true}, want: []string{"Pod/example", "Pod/beside"}, passed: "chart/: 4 templates; render them: `helm template "},
		"a chart alone":      {files: map[string]string{"Chart.yaml": "", "templates/a.yaml": "{{ a }}"}, in: Input{Recursive: true}, passed: "/: 1 template; render them: "},
		"left out":           {files: excluded, in: Input{Recursive: true}, want: []string{"Pod/a", "Pod/b", "Pod/d", "Pod/gen"}},
		"--exclude":          {files: excluded, in: Input{Recursive: true, Exclude: []string{"[ab].yaml", "gen*"}}, want: []string{}},
		"--exclude, folders": {files: excluded, in: Input{Recursive: true, Exclude: []string{"gen/", "**/test/*", "a.*"}}, want: []string{"Pod/b", "Pod/gen"}},
		"--exclude, again":   {files: excluded, in: Input{Recursive: true, Exclude: []string{"*.yaml", "!a.yaml"}}, want: []string{"Pod/a"}},
		"a bad pattern":      {files: excluded, in: Input{Exclude: []string{"[z-a]"}}, want: []string{"Pod/a", "Pod/b"}, problem: `"[z-a]" is no pattern`},
		"a program's file":   {files: map[string]string{"a.json": "{\n  // settings\n  \"a\": [1, /* 2 */],\n}\n", "b.json": `{"a": "// none"`, "c.yaml": podOf("c")}, want: []string{"Pod/c"}, problem: "b.json:1: not JSON: unexpected EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.in.Files = []string{write(t, test.files)}
			s := read(test.in)
			if got := names(t, s); len(got)+len(test.want) > 0 && !slices.Equal(got, test.want) {
				t.Errorf("read %v, want %v", got, test.want)
			}
			if len(s.Problems) != min(len(test.problem), 1) || test.problem != "" && !strings.Contains(s.Problems[0].Error(), test.problem) {
				t.Errorf("problems %v, want %q", s.Problems, test.problem)
			}
			if len(s.PassedOver) != min(len(test.passed), 1) || test.passed != "" && !strings.Contains(s.PassedOver[0], test.passed) {
				t.Errorf("passed over %q, want %q", s.PassedOver, test.passed)
			}
			for _, object := range s.Objects {
				if loose := strings.HasSuffix(object.Start.File, "loose.yaml") || name == "broken"; object.Loose != loose {
					t.Errorf("%v: loose %t", object.Start, object.Loose)
				}
			}
		})
	}
}

// TestFolderWithUnreadable: an entry that cannot be read leaves the others be.
func TestFolderWithUnreadable(t *testing.T) {
	dir := write(t, map[string]string{"a.yaml": podOf("a"), "z.yaml": podOf("z"), "linked/b.yaml": podOf("b")})
	if err := os.Symlink("gone.yaml", filepath.Join(dir, "m.yaml")); err != nil {
		t.Fatal(err)
	}
	s := read(Input{Files: []string{dir}})
	wantProblem(t, s, "m.yaml: no such file or directory")
	if got := names(t, s); !slices.Equal(got, []string{"Pod/a", "Pod/z"}) {
		t.Errorf("read %v", got)
	}
	if err := os.Symlink("linked", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	s = read(Input{Files: []string{filepath.Join(dir, "link")}})
	wantProblem(t, s, "")
	if got := names(t, s); !slices.Equal(got, []string{"Pod/b"}) || s.Objects[0].Start.File != filepath.Join(dir, "link", "b.yaml") {
		t.Errorf("read %v of %v by a link", got, s.Objects)
	}
}
