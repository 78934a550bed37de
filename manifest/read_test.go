package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/resource"
)

const pods = `# two Pods
---
apiVersion: v1
kind: Pod
metadata:
  name: one
spec:
  containers:
  - name: web
    image: nginx:1
---
# a comment
apiVersion: v1
kind: Pod
metadata: {name: two}
spec: {containers: [{name: web, image: nginx:2}]}
`

// write makes files in a folder; names end in / for folders.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// names lists what was read as "Kind/name".
func names(t *testing.T, s Stream) []string {
	t.Helper()
	var all []string
	for _, object := range s.Objects {
		kind, name := identity(object.Raw)
		all = append(all, kind+"/"+name)
	}
	return all
}

func read(in Input) Stream { return Read(context.Background(), in) }

func TestReadFindsFiles(t *testing.T) {
	pod := func(name string) string { return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\n" }
	dir := write(t, map[string]string{
		"a.yaml": pod("a"), "b.yml": pod("b"), "c.json": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}`,
		"d.txt": pod("d"), "sub/e.yaml": pod("e"), "empty/readme": "",
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	tests := map[string]struct {
		in   Input
		want []string
		fail string
	}{
		"folder":          {in: Input{Files: []string{dir}}, want: []string{"Pod/a", "Pod/b", "Pod/c"}},
		"recursively":     {in: Input{Files: []string{dir}, Recursive: true}, want: []string{"Pod/a", "Pod/b", "Pod/c", "Pod/e"}},
		"named file":      {in: Input{Files: []string{at("d.txt")}}, want: []string{"Pod/d"}},
		"pattern":         {in: Input{Files: []string{at("*.y*ml")}}, want: []string{"Pod/a", "Pod/b"}},
		"two":             {in: Input{Files: []string{at("b.yml"), at("a.yaml")}}, want: []string{"Pod/b", "Pod/a"}},
		"stdin once":      {in: Input{Files: []string{"-", "-"}, Stdin: strings.NewReader(pod("s"))}, want: []string{"Pod/s"}},
		"missing":         {in: Input{Files: []string{at("no"), at("a.yaml")}}, want: []string{"Pod/a"}, fail: "no: no such file or folder"},
		"bad pattern":     {in: Input{Files: []string{at("[")}}, fail: "[: no such file, and no pattern: syntax error in pattern"},
		"nothing in it":   {in: Input{Files: []string{at("empty")}}, fail: "empty: no file ends in .json, .yaml, .yml"},
		"only for a file": {in: Input{Files: []string{at("a.yaml/x")}}, fail: "not a directory"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := read(test.in)
			if got := names(t, s); !slices.Equal(got, test.want) {
				t.Errorf("read %v, want %v", got, test.want)
			}
			wantProblem(t, s, test.fail)
		})
	}
}

// wantProblem compares the end of the only problem; "" wants none.
func wantProblem(t *testing.T, s Stream, want string) {
	t.Helper()
	switch {
	case want == "" && len(s.Problems) > 0:
		t.Errorf("problem %v, want none", s.Problems[0])
	case want != "" && len(s.Problems) != 1:
		t.Errorf("problems %v, want one", s.Problems)
	case want != "" && !strings.HasSuffix(s.Problems[0].Error(), want):
		t.Errorf("problem %q, want it to end in %q", s.Problems[0], want)
	}
}

func TestReadURL(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		switch {
		case r.URL.Path == "/gone":
			http.NotFound(w, r)
		case r.URL.Path == "/late" && asked == 1:
			w.WriteHeader(http.StatusBadGateway)
		default:
			_, _ = io.WriteString(w, pods)
		}
	}))
	defer server.Close()
	for path, want := range map[string]struct {
		problem string
		asked   int
	}{
		"/pods.yaml": {"", 1},
		"/late":      {"", 2},
		"/gone":      {"/gone: cannot be read: the server answered 404 Not Found", 1},
	} {
		asked = 0
		s := read(Input{Files: []string{server.URL + path}})
		wantProblem(t, s, want.problem)
		if want.problem == "" && len(s.Objects) != 2 {
			t.Errorf("%s: read %d objects, want 2", path, len(s.Objects))
		}
		if asked != want.asked {
			t.Errorf("%s: asked %d times, want %d", path, asked, want.asked)
		}
	}
	s := read(Input{Files: []string{"http://127.0.0.1:1/x", "https://%zz"}, HTTP: &http.Client{Transport: refusing{}}})
	if len(s.Problems) != 2 || !strings.Contains(s.Problems[0].Error(), "cannot be read") {
		t.Errorf("problems %v, want two", s.Problems)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Status: "403 Forbidden", Body: http.NoBody}, nil
}

// TestReadAsKubectl compares what is read of a stream with what cli-runtime
// reads of it, where cli-runtime reads it to its end.
func TestReadAsKubectl(t *testing.T) {
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"containers":[{"name":"a","image":"nginx"}]}}`
	streams := map[string]string{
		"documents":             pods,
		"windows line ends":     strings.ReplaceAll(pods, "\n", "\r\n"),
		"no final line end":     strings.TrimSuffix(pods, "\n"),
		"leading separators":    "---\n---\n" + pods + "---\n---\n",
		"separator with remark": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---  # next\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
		"json":                  fmt.Sprintf(pod, "a"),
		"json in a row":         fmt.Sprintf(pod+"\n"+pod+" "+pod, "a", "b", "c"),
		"json, then yaml":       fmt.Sprintf(pod, "a") + "\n---\n" + pods,
		"yaml, then json":       pods + "---\n" + fmt.Sprintf(pod, "a"),
		"flow mapping":          "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n",
		"list":                  "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}}\n",
		"typed list":            "apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}}\n- {metadata: {name: b}}\n",
		"empty list":            "apiVersion: v1\nkind: List\nitems: []\n",
		"anchors":               "apiVersion: v1\nkind: Pod\nmetadata: &m {name: a}\nother: *m\n",
		"yaml 1.1 words":        "apiVersion: v1\nkind: Pod\nmetadata: {name: \"yes\", annotations: {a: \"on\"}}\n",
		"null document":         "null\n---\n" + pods,
		"custom resource":       "apiVersion: x.example/v1\nkind: Thing\nmetadata: {name: a}\nspec: {items: [1]}\n",
		"utf-8 mark":            "\ufeffapiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
		"utf-16":                utf16("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"),
	}
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"x.yaml": stream})
			want := kubectl(t, &resource.FilenameOptions{Filenames: []string{dir}})
			s := read(Input{Files: []string{dir}})
			wantProblem(t, s, "")
			compare(t, s, want)
		})
	}
}

func utf16(text string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return string(b)
}

// kubectl reads as kubectl does.
func kubectl(t *testing.T, options *resource.FilenameOptions) []string {
	t.Helper()
	infos, err := resource.NewLocalBuilder().Unstructured().ContinueOnError().FilenameParam(false, options).Flatten().Do().Infos()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, info := range infos {
		raw, err := json.Marshal(info.Object)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, canonical(t, raw))
	}
	return all
}

func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	var any any
	if err := json.Unmarshal(raw, &any); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(any)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compare(t *testing.T, s Stream, want []string) {
	t.Helper()
	var got []string
	for _, object := range s.Objects {
		got = append(got, canonical(t, object.Raw))
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%s\nand kubectl\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadPassesOver(t *testing.T) {
	s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(`# only a comment
---
just text
---
- a
- list
---
replicas: 3
image: nginx:9
---
services: {web: {image: nginx}}
---
kind: Pod
--- # the one object
apiVersion: v1
kind: Pod
---
`)})
	wantProblem(t, s, "")
	if len(s.Objects) != 1 || s.Foreign != 5 {
		t.Errorf("%d objects and %d foreign documents, want 1 and 5", len(s.Objects), s.Foreign)
	}
}

// A list is no manifest; one of objects was meant to be, which is said.
func TestReadListOfObjects(t *testing.T) {
	for text, want := range map[string]string{
		`[{"apiVersion": "v1", "kind": "Pod"}]`:         "-:1: a list of objects is no manifest",
		"# pods\n- {apiVersion: v1, kind: Pod}\n":       "-:2: a list of objects is no manifest",
		"- {op: replace, path: /a}\n- {kind: Target}\n": "",
		"[]": "", "[1, 2]": "", `"apiVersion"`: "",
	} {
		s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(text)})
		if len(s.Objects)+len(s.Problems) > 0 || len(s.PassedOver) != min(len(want), 1) || want != "" && !strings.HasPrefix(s.PassedOver[0], want) {
			t.Errorf("%s: %q, want %q", text, s.PassedOver, want)
		}
	}
}

func TestReadGoesOnAfterProblems(t *testing.T) {
	const pod = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}`
	tests := map[string]struct {
		stream, want string
		objects      int
		hint         bool
	}{
		"yaml":            {"a: b\n---\napiVersion: v1\nkind: Pod\n  spec: {}\n---\n" + pods, "-:5: not YAML: mapping values are not allowed in this context", 2, false},
		"tab":             {"\n\nx:\n\t- y\n---\n" + pods, "-:4: not YAML: found character that cannot start any token", 2, false},
		"template":        {"{{- if .Values.x }}\nkind: Pod\n{{- end }}\n---\nname: {{ x }}-{{ y }}\n---\n" + pods, "not YAML: did not find expected node content", 2, true},
		"json":            {"{\"kind\": \"Pod\",\n \"a\": ]\n---\n" + pods, "-:2: not JSON: invalid character ']' looking for beginning of value", 2, false},
		"json cut off":    {"{\"kind\": \"Pod\",\n\n", "-:1: not JSON: unexpected EOF", 0, false},
		"json and a part": {pod + pod[:40], "-:1: not JSON: unexpected EOF", 1, false},
		"json and words":  {pod + "\nwords", "-:2: not JSON: invalid character 'w' looking for beginning of value", 1, false},
		"json by commas":  {pod + ",\n" + pod, "-:1: not JSON: invalid character ',' looking for beginning of value", 1, false},
		"json, a comment": {pod + "# a comment\n---\n" + pod + "\nwords", "-:4: not JSON: invalid character 'w' looking for beginning of value", 2, false},
		"on a separator":  {"--- a: b\n" + pods, "-:1: text after ---: nodes of YAML begin on a line of their own", 2, false},
		"items":           {"apiVersion: v1\nkind: List\nitems: 3\n---\n" + pods, "-:1: items: a list of objects is expected", 2, false},
		"item":            {"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}, 3, {apiVersion: v1, kind: Pod}]\n---\n" + pods, "-:3: items[1]: an object is expected", 4, false},
		"control letters": {"a: \"\x00\"\n---\n" + pods, "not YAML: control characters are not allowed", 2, false},
		"many aliases":    {bomb() + "---\n" + pods, "not YAML: document contains excessive aliasing", 2, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(test.stream)})
			wantProblem(t, s, test.want)
			if len(s.Objects) != test.objects {
				t.Errorf("%d objects, want %d", len(s.Objects), test.objects)
			}
			if got := len(s.Problems) == 1 && s.Problems[0].Hint != ""; got != test.hint && !strings.HasPrefix(name, "on a") {
				t.Errorf("hint is %t, want %t", got, test.hint)
			}
		})
	}
}

// bomb is a document that would be gigabytes without its aliases.
func bomb() string {
	text := "a0: &a0 [" + strings.Repeat("x, ", 8) + "x]\n"
	for i := range 9 {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	return text
}

func TestReadEndlessInput(t *testing.T) {
	s := read(Input{Files: []string{"-"}, Stdin: endless{}})
	wantProblem(t, s, "-: is larger than 256 MiB")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil }

func TestReadListsInLists(t *testing.T) {
	s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(
		"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Pod, metadata: {name: a}}\n")})
	wantProblem(t, s, "")
	if got := names(t, s); !slices.Equal(got, []string{"Pod/a"}) || s.Objects[0].Start.Line != 7 {
		t.Errorf("read %v at %v", got, s.Objects)
	}
	deep := strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 20) + strings.Repeat("]}", 20)
	s = read(Input{Files: []string{"-"}, Stdin: strings.NewReader(deep)})
	wantProblem(t, s, "more than 8 Lists in Lists")
}

// streams are so many Pods in a stream, each of two lines.
func streams(n int) map[string]string {
	const item = "\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\"},\n\"spec\":{\"containers\":[{\"image\":\"nginx\"}]}}"
	return map[string]string{
		"list": `{"apiVersion":"v1","kind":"List","items":[` + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]}",
		"row":  strings.Repeat(item, n),
	}
}

func TestReadManyItems(t *testing.T) {
	const n = 5_000
	for name, stream := range streams(n) {
		s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(stream)})
		if len(s.Objects) != n {
			t.Fatalf("%s: %d objects, want %d", name, len(s.Objects), n)
		}
		if at := s.Objects[n-1].Find("spec.containers[0].image", ""); at.Line != 2*n+1 {
			t.Errorf("%s: the last image is at line %d, want %d", name, at.Line, 2*n+1)
		}
	}
}

// BenchmarkReadManyItems fails where the time grows with the square of the
// size, which for a cluster's Pods are minutes.
func BenchmarkReadManyItems(b *testing.B) {
	const few, times = 5_000, 8
	timed := func(stream string) time.Duration {
		start := time.Now()
		read(Input{Files: []string{"-"}, Stdin: strings.NewReader(stream)})
		return time.Since(start)
	}
	small, large := streams(few), streams(times*few)
	for name := range small {
		b.Run(name, func(b *testing.B) {
			var ofFew, ofMany time.Duration
			for b.Loop() {
				ofFew += timed(small[name])
				ofMany += timed(large[name])
			}
			growth := float64(ofMany) / float64(ofFew)
			b.ReportMetric(growth, "times-for-8-times")
			if growth > 6*times { // with its square it would be times as much again
				b.Errorf("%s for %d objects and %s for %d", ofFew, few, ofMany, times*few)
			}
		})
	}
}

func kubectlKustomize(t *testing.T, dir string) []string {
	t.Helper()
	return kubectl(t, &resource.FilenameOptions{Kustomize: dir})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{pods, bomb(), `{"apiVersion":"v1","kind":"List","items":[{"kind":"Pod"},3]}`, "--- x\n{{", "{}{}", "\ufeff{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		s := read(Input{Files: []string{"-"}, Stdin: strings.NewReader(stream)})
		lines := strings.Count(stream, "\n") + 1
		for _, object := range s.Objects {
			at := object.Find("spec.containers[0].image", "")
			if at.Line < 1 || at.Line > lines {
				t.Errorf("an object at line %d of %d", at.Line, lines)
			}
		}
		for _, problem := range s.Problems {
			if problem.Line > lines || strings.Contains(problem.Error(), "\n") {
				t.Errorf("problem %q in %d lines", problem, lines)
			}
		}
	})
}
