package workload

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// rollouts are kinds with one custom resource.
func rollouts(t testing.TB, paths ...string) *Kinds {
	t.Helper()
	k, err := NewKinds([]Custom{{Group: "argoproj.io", Kind: "Rollout", PodTemplates: paths}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKnownAndChecked(t *testing.T) {
	kinds := rollouts(t, "spec.template")
	tests := []struct {
		apiVersion, kind string
		known, checked   bool
	}{
		{"v1", "Pod", true, false},
		{"v1", "PodTemplate", true, false},
		{"v1", "ReplicationController", true, true},
		{"apps/v1", "Deployment", true, true},
		{"apps/v1", "StatefulSet", true, true},
		{"apps/v1", "DaemonSet", true, true},
		{"apps/v1", "ReplicaSet", true, true},
		{"extensions/v1beta1", "ReplicaSet", true, true},
		{"batch/v1", "Job", true, true},
		{"batch/v1", "CronJob", true, true},
		{"argoproj.io/v1alpha1", "Rollout", true, true},
		{"example.com/v1", "Rollout", false, false},
		{"extensions/v1beta1", "StatefulSet", false, false},
		{"v1", "Node", false, false},
		{"example.com/v1", "Deployment", false, false},
		{"", "", false, false},
		{"", "Pod", false, false},
		{"a/b/c", "Pod", false, false},
	}
	for _, tt := range tests {
		owner := metav1.OwnerReference{APIVersion: tt.apiVersion, Kind: tt.kind}
		if got := kinds.Checked(owner); got != tt.checked {
			t.Errorf("Checked(%s %s) is %t", tt.apiVersion, tt.kind, got)
		}
		gv, err := schema.ParseGroupVersion(tt.apiVersion)
		if err != nil || gv.Version == "" {
			continue
		}
		if got := kinds.Known(gv.WithKind(tt.kind).GroupKind()); got != tt.known {
			t.Errorf("Known(%s %s) is %t", tt.apiVersion, tt.kind, got)
		}
	}
}

func TestNewKindsErrors(t *testing.T) {
	good := Custom{Group: "example.com", Kind: "App", PodTemplates: []string{"spec.template"}}
	path := func(p ...string) []Custom {
		return []Custom{{Group: "example.com", Kind: "App", PodTemplates: p}}
	}
	tests := []struct {
		name   string
		custom []Custom
		want   []string
	}{
		{"no group", []Custom{{Kind: "App"}}, []string{"[0]: group: empty"}},
		{"group with version", []Custom{{Group: "example.com/v1", Kind: "App"}}, []string{`[0]: group: "example.com/v1" is no API group`, "without a version"}},
		{"no kind", []Custom{{Group: "example.com"}}, []string{`[0]: kind: "" is no kind`}},
		{"kind with group", []Custom{{Group: "example.com", Kind: "App.example.com"}}, []string{"[0]: kind: "}},
		{"built in", []Custom{{Group: "apps", Kind: "Deployment"}}, []string{"[0]: kind: Deployment.apps is built in already"}},
		{"no templates", []Custom{{Group: "example.com", Kind: "App"}}, []string{"[0]: podTemplates: none given"}},
		{"twice", []Custom{good, good}, []string{"[1]: kind: App.example.com is listed twice"}},
		{"both wrong", []Custom{{}, good, {}}, []string{"[0]: group", "[2]: group"}},
		{"empty path", path("spec.template", ""), []string{"[0]: podTemplates[1]: empty path"}},
		{"leading dot", path(".spec.template"), []string{`podTemplates[0]: ".spec.template" is no path: "" is no field name`}},
		{"double dot", path("spec..template"), []string{`"" is no field name`}},
		{"index", path("spec.pools[0].template"), []string{`"pools[0]" is no field name`, "[*]"}},
		{"star alone", path("spec.*.template"), []string{`"*" is no field name`}},
		{"star list alone", path("spec.[*].template"), []string{`"[*]" is no field name`}},
		{"slash", path("spec/template"), []string{`"spec/template" is no field name`}},
		{"braces", path("{.spec.template}"), []string{`"{" is no field name`}},
		{"path twice", path("spec.a[*].t", "spec.a.t"), []string{`podTemplates[1]: "spec.a.t" is listed twice`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kinds, err := NewKinds(tt.custom)
			if err == nil || kinds != nil {
				t.Fatalf("kinds %v, error %v", kinds, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestReadCustom(t *testing.T) {
	const (
		spec = `{"containers": [{"image": "web"}], "initContainers": [{"image": "init"}]}`
		pod  = `{"metadata": {"labels": {}}, "spec": ` + spec + `}`
	)
	tests := []struct {
		name, object string
		paths        []string
		want         []string // the templates' fields
	}{
		{"template", `{"template": ` + pod + `}`, []string{"spec.template"}, []string{"spec.template.spec"}},
		{"pod spec", `{"podSpec": ` + spec + `}`, []string{"spec.podSpec"}, []string{"spec.podSpec"}},
		{"pod spec at the top", spec, []string{"spec"}, []string{"spec"}},
		{"path to the template's spec", `{"template": ` + pod + `}`, []string{"spec.template.spec"}, []string{"spec.template.spec"}},
		{"marked list", `{"pools": [{"template": ` + pod + `}, {"template": ` + pod + `}]}`, []string{"spec.pools[*].template"},
			[]string{"spec.pools[0].template.spec", "spec.pools[1].template.spec"}},
		{"unmarked list", `{"pools": [{"template": ` + pod + `}]}`, []string{"spec.pools.template"}, []string{"spec.pools[0].template.spec"}},
		{"no list though marked", `{"pools": {"template": ` + pod + `}}`, []string{"spec.pools[*].template"}, []string{"spec.pools.template.spec"}},
		{"list at the end", `{"templates": [` + pod + `, ` + spec + `]}`, []string{"spec.templates"}, []string{"spec.templates[0].spec", "spec.templates[1]"}},
		{"several", `{"head": ` + pod + `, "workers": [` + pod + `]}`, []string{"spec.workers", "spec.head"},
			[]string{"spec.workers[0].spec", "spec.head.spec"}},
		{"overlapping", `{"template": ` + pod + `}`, []string{"spec.template", "spec.template.spec"}, []string{"spec.template.spec"}},
		{"absent", `{}`, []string{"spec.template", "spec.a.b.c"}, nil},
		{"nothing at all", `null`, []string{"spec.template"}, nil},
		{"nulls", `{"a": null, "b": [null, {"t": null}], "c": []}`, []string{"spec.a.t", "spec.b.t", "spec.c.t"}, nil},
		{"containers null", `{"template": {"containers": null, "spec": ` + spec + `}}`, []string{"spec.template"}, []string{"spec.template.spec"}},
		{"containers and spec", `{"containers": [{"image": "web"}], "initContainers": [{"image": "init"}], "spec": 7}`, []string{"spec"}, []string{"spec"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kinds := rollouts(t, tt.paths...)
			w := read(t, kinds, `{"apiVersion": "argoproj.io/v1", "kind": "Rollout", "metadata": {"name": "x"}, "spec": `+tt.object+`}`, Update)
			if w.Object.Name != "x" || len(w.Templates) != len(tt.want) {
				t.Fatalf("object %q with %d templates %+v, want %d", w.Object.Name, len(w.Templates), w.Templates, len(tt.want))
			}
			for i, template := range w.Templates {
				if template.Field != tt.want[i] || !template.Custom || !template.InheritsSecrets {
					t.Errorf("template %+v, want %s", template, tt.want[i])
				}
				if len(template.Images) != 2 || template.Images[1].Field != tt.want[i]+".containers[0].image" || template.Images[1].Reference != "web" {
					t.Errorf("images %+v", template.Images)
				}
			}
		})
	}
}

func TestReadCustomWithoutContainers(t *testing.T) {
	for template, want := range map[string]int{
		`{}`:                             0,
		`{"metadata": {}, "spec": null}`: 0,
		`{"containers": null, "initContainers": [{"image": "a"}], "volumes": [{"image": {}}]}`: 2,
	} {
		w := read(t, rollouts(t, "spec"), `{"apiVersion": "argoproj.io/v1", "kind": "Rollout", "spec": `+template+`}`, Create)
		if len(w.Templates) != 1 || len(w.Templates[0].Images) != want {
			t.Errorf("%s: templates %+v, want one with %d images", template, w.Templates, want)
		}
	}
}

func TestReadCustomErrors(t *testing.T) {
	tests := []struct{ spec, want string }{
		{`7`, "spec: a number stands where an object is expected"},
		{`"x"`, "spec: a string stands where an object is expected"},
		{`{"pools": [{}, "x"]}`, "spec.pools[1]: a string stands where an object is expected"},
		{`{"pools": {"template": true}}`, "spec.pools.template: true or false stands where an object is expected"},
		{`{"pools": [{"template": {"spec": []}}]}`, "spec.pools[0].template.spec: a list stands where an object is expected"},
		{`{"pools": [{"template": {"containers": {}}}]}`, "spec.pools[0].template.containers: an object stands where a list is expected"},
		{`{"pools": [{"template": {"spec": {"containers": [{"image": 7}]}}}]}`, "spec.pools[0].template.spec.containers[0].image: a number stands where a string is expected"},
		{`{"pools": [}`, "not JSON"},
		{`{"pools": [[{}]]}`, "spec.pools[0]: a list stands where an object is expected"},
		{`{"pools": {"template": [[]]}}`, "spec.pools.template[0]: a list stands where an object is expected"},
		{`{"pools": ` + strings.Repeat("[", 9_990) + strings.Repeat("]", 9_990) + `}`, "spec.pools[0]: a list"},
		{strings.Repeat("[", 20_000), "not JSON"},
	}
	kinds := rollouts(t, "spec.pools[*].template")
	for _, tt := range tests {
		_, err := kinds.Read([]byte(`{"apiVersion": "argoproj.io/v1", "kind": "Rollout", "spec": `+tt.spec+`}`), Create)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60s:\nerror %v\nwant  %s", tt.spec, err, tt.want)
		}
	}
}
