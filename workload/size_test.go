package workload

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// deployment returns a Deployment as an API server writes one, with so many
// containers.
func deployment(tb testing.TB, containers int) []byte {
	tb.Helper()
	d := appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}}
	d.Name, d.Namespace, d.Labels = "web", "shop", map[string]string{"app": "web"}
	d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:name":{}}}}}}}`)}}
	spec := &d.Spec.Template.Spec
	spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "regcred"}}
	for i := range containers {
		spec.Containers = append(spec.Containers, corev1.Container{
			Name: fmt.Sprint("c", i), Image: fmt.Sprintf("registry.example.com/team/app%d:1.2.3", i), ImagePullPolicy: corev1.PullIfNotPresent,
			Env:           []corev1.EnvVar{{Name: "POD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}},
			Resources:     corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m"), "memory": resource.MustParse("64Mi")}},
			VolumeMounts:  []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(80)}}},
		})
	}
	raw, err := json.Marshal(d)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestReadManyContainers(t *testing.T) {
	w := read(t, &Kinds{}, string(deployment(t, 500)), Create)
	images := w.Templates[0].Images
	if len(images) != 500 {
		t.Fatalf("%d images, want 500", len(images))
	}
	want := Image{"spec.template.spec.containers[499].image", "c499", Container, "registry.example.com/team/app499:1.2.3", corev1.PullIfNotPresent, false, ""}
	if images[499] != want {
		t.Errorf("last image %+v, want %+v", images[499], want)
	}
	if changed := Changed(w, w); len(changed.Templates) != 0 {
		t.Errorf("unchanged object has changed: %+v", changed)
	}
}

func TestReadOneImageManyTimes(t *testing.T) {
	raw := `{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [` + strings.Repeat(`{"image": "web:1"},`, 99) + `{"image": "web:1"}]}}`
	w := read(t, &Kinds{}, raw, Create)
	seen := make(map[string]bool)
	for _, image := range w.Templates[0].Images {
		seen[image.Field] = true
		if image.Reference != "web:1" {
			t.Errorf("%s is %q", image.Field, image.Reference)
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d fields, want each of the 100 uses", len(seen))
	}
	if changed := Changed(read(t, &Kinds{}, `{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "web:1"}]}}`, Create), w); len(changed.Templates) != 0 {
		t.Errorf("an image that was there has changed: %d templates", len(changed.Templates))
	}
}

// TestReadHuge reads objects of 8 MiB whose every byte is there to cost
// something.
func TestReadHuge(t *testing.T) {
	const size, most = 8 << 20, 128 << 20
	kinds := rollouts(t, "spec.pools.template", "spec.template")
	fill := func(start, filling, end string) string {
		return start + strings.Repeat(filling, size/len(filling)) + end
	}
	pod := func(filling, end string) string {
		return fill(`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [`, filling, end)
	}
	rollout := func(field, filling, end string) string {
		return fill(`{"kind": "Rollout", "apiVersion": "argoproj.io/v1", "spec": {"`+field+`": [`, filling, end)
	}
	tests := []struct {
		name, raw string
		good      bool
	}{
		{"empty containers", pod(`{},`, `{}]}}`), false},
		{"null containers", pod(`null,`, `null]}}`), false},
		{"open brackets", pod(`[`, ``), false},
		{"open objects", pod(`{"a":`, ``), false},
		{"no end", pod(`{"image": "a"},`, ``), false},
		{"long image", fill(`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": "`, "a", `"}]}}`), true},
		{"many images", fill(`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [`, `{"imagePullPolicy": "Always", "image": "`+strings.Repeat("a", 200)+`"},`, `{}]}}`), true},
		{"ignored field", fill(`{"kind": "Pod", "apiVersion": "v1", "spec": {"hostname": "`, "a", `"}}`), true},
		{"before the kind", fill(`{"spec": "`, "a", `", "kind": "Pod", "apiVersion": "v1"}`), false},
		{"spaces", fill(`{"kind": "Pod", "apiVersion": "v1"`, " ", `}`), true},
		{"empty pools", rollout("pools", `{},`, `{}]}}`), false},
		{"spaced pools", rollout("pools", `{"template": {"spec": {        }}},`, `{}]}}`), false},
		{"deep pools", fill(`{"kind": "Rollout", "apiVersion": "argoproj.io/v1", "spec": {"pools": `+strings.Repeat("[", 5000)+`"`, "a", `"`+strings.Repeat("]", 5000)+`}}`), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := []byte(tt.raw)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := kinds.Read(raw, Create)
			runtime.ReadMemStats(&after)
			if tt.good != (err == nil) {
				t.Errorf("error %v", err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > most {
				t.Errorf("reading took %d MiB", used>>20)
			} else {
				t.Logf("reading took %d MiB: %v", used>>20, err)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	kinds := rollouts(b, "spec.template")
	for _, containers := range []int{1, 3, 500} {
		built := deployment(b, containers)
		custom := []byte(strings.NewReplacer("apps/v1", "argoproj.io/v1", "Deployment", "Rollout").Replace(string(built)))
		for name, raw := range map[string][]byte{"Deployment": built, "Rollout": custom} {
			b.Run(fmt.Sprintf("%s/%d", name, containers), func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := kinds.Read(raw, Create); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
