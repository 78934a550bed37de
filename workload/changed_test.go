package workload

import (
	"fmt"
	"slices"
	"testing"
)

func TestChanged(t *testing.T) {
	const base = `"containers": [{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`
	all := []string{"spec.template.spec.containers[0].image", "spec.template.spec.containers[1].image"}
	const volumes = "spec.template.spec.volumes[0].image.reference"
	mounting := func(volume, mount string) string {
		return fmt.Sprintf(`"containers": [{"image": "web:1", "volumeMounts": [{"name": %q}]}], "volumes": [{"name": %q, "image": {"reference": "data:1"}}]`, mount, volume)
	}
	tests := []struct {
		name, old, current string
		want               []string
	}{
		{"nothing", base, base, nil},
		{"image", base, `"containers": [{"name": "web", "image": "web:2"}, {"image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`, all[:1]},
		{"policy", base, `"containers": [{"image": "web:1", "imagePullPolicy": "Always"}, {"image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`, nil},
		{"renamed and swapped", base, `"containers": [{"name": "l", "image": "log:1"}, {"name": "w", "image": "web:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`, nil},
		{"container removed", base, `"containers": [{"image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`, nil},
		{"image reused as a volume", base, base + `, "volumes": [{"name": "v", "image": {"reference": "web:1"}}]`, nil},
		{"volume added", base, base + `, "volumes": [{"name": "v", "image": {"reference": "web:2"}}]`, []string{volumes}},
		{"volume reused and mounted", mounting("v", ""), mounting("v", "v"), []string{volumes}},
		{"another volume mounted", mounting("v", ""), mounting("v", "w"), nil},
		{"volume mounted no longer", mounting("v", "v"), mounting("v", ""), nil},
		{"init container added", base, base + `, "initContainers": [{"image": "web:1"}, {"image": "web:3"}]`, []string{"spec.template.spec.initContainers[1].image"}},
		{"elsewhere", base, base + `, "nodeSelector": {"a": "b"}, "tolerations": [{"operator": "Exists"}]`, nil},
		{"pull secrets", base, `"containers": [{"image": "web:1"}, {"image": "log:1"}], "imagePullSecrets": [{"name": "b"}], "serviceAccountName": "shopper"`, all},
		{"pull secrets removed", base, `"containers": [{"image": "web:1"}, {"image": "log:1"}], "serviceAccountName": "shopper"`, all},
		{"empty pull secret added", `"containers": [{"image": "web:1"}, {"image": "log:1"}]`, `"containers": [{"image": "web:1"}, {"image": "log:1"}], "imagePullSecrets": [{}]`, all},
		{"pull secrets emptied from nothing", `"containers": [{"image": "web:1"}]`, `"containers": [{"image": "web:1"}], "imagePullSecrets": []`, nil},
		{"service account", base, `"containers": [{"image": "web:1"}, {"image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "other"`, all},
		{"service account named as defaulted", `"containers": [{"image": "web:1"}]`, `"containers": [{"image": "web:1"}], "serviceAccountName": "default"`, nil},
		{"image emptied", base, `"containers": [{"image": ""}, {"image": "log:1"}], "imagePullSecrets": [{"name": "a"}], "serviceAccountName": "shopper"`, all[:1]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			deployment := func(spec, name string) Workload {
				return read(t, &Kinds{}, fmt.Sprintf(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": %q}, "spec": {"template": {"spec": {%s}}}}`, name, spec), Update)
			}
			got := Changed(deployment(tt.old, "old"), deployment(tt.current, "current"))
			if got.Object.Name != "current" {
				t.Errorf("object %+v", got.Object)
			}
			if fields := fieldsOf(got); !slices.Equal(fields, tt.want) {
				t.Errorf("changed %q, want %q", fields, tt.want)
			}
		})
	}
}

// fieldsOf returns the fields of all images. Templates without any have no
// place in what Changed returns, and give an empty field.
func fieldsOf(w Workload) []string {
	var fields []string
	for _, template := range w.Templates {
		if len(template.Images) == 0 {
			fields = append(fields, "")
		}
		for _, image := range template.Images {
			fields = append(fields, image.Field)
		}
	}
	return fields
}

func TestChangedTemplates(t *testing.T) {
	kinds := rollouts(t, "spec.pools.template", "spec.head")
	rollout := func(spec string) Workload {
		return read(t, kinds, `{"apiVersion": "argoproj.io/v1", "kind": "Rollout", "spec": `+spec+`}`, Update)
	}
	const pool = `{"template": {"spec": {"containers": [{"image": "a"}]}}}`
	old := rollout(`{"pools": [` + pool + `], "head": {"spec": {"containers": [{"image": "h:1"}]}}}`)
	current := rollout(`{"pools": [` + pool + `, ` + pool + `], "head": {"spec": {"containers": [{"image": "h:2"}]}}}`)
	want := []string{"spec.pools[1].template.spec.containers[0].image", "spec.head.spec.containers[0].image"}
	if got := fieldsOf(Changed(old, current)); !slices.Equal(got, want) {
		t.Errorf("changed %q, want %q", got, want)
	}
	if len(current.Templates) != 3 || len(current.Templates[0].Images) != 1 {
		t.Errorf("Changed altered its argument: %+v", current.Templates)
	}
	if got := fieldsOf(Changed(Workload{}, current)); len(got) != 3 {
		t.Errorf("from nothing: changed %q, want all", got)
	}
}

func TestChangedEphemeralContainers(t *testing.T) {
	pod := func(ephemeral string) Workload {
		return read(t, &Kinds{}, `{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "web", "image": "web:1", "volumeMounts": [{"name": "used"}]}],
			"volumes": [{"name": "used", "image": {"reference": "used:1"}}, {"name": "spare", "image": {"reference": "spare:1"}}],
			"ephemeralContainers": [`+ephemeral+`]}}`, EphemeralContainers)
	}
	const first = `{"name": "first", "image": "busybox:bad"}`
	tests := []struct {
		name, current string
		want          []string
	}{
		{"unchanged", first, nil},
		{"another image", first + `, {"name": "second", "image": "busybox:1"}`, []string{"spec.ephemeralContainers[1].image"}},
		{"the same image once more", first + `, {"name": "second", "image": "busybox:bad"}`, []string{"spec.ephemeralContainers[1].image"}},
		{"a volume that a container mounts", first + `, {"name": "second", "image": "busybox:1", "volumeMounts": [{"name": "used"}]}`, []string{"spec.ephemeralContainers[1].image"}},
		{"a volume that nobody mounted", first + `, {"name": "second", "image": "busybox:1", "volumeMounts": [{"name": "spare"}]}`, []string{"spec.ephemeralContainers[1].image", "spec.volumes[1].image.reference"}},
		{"the image of a container", first + `, {"name": "second", "image": "web:1"}`, []string{"spec.ephemeralContainers[1].image"}},
	}
	for _, tt := range tests {
		if got := fieldsOf(Changed(pod(first), pod(tt.current))); !slices.Equal(got, tt.want) {
			t.Errorf("%s: changed %q, want %q", tt.name, got, tt.want)
		}
	}
}
