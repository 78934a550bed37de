package workload

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// everyRole is a pod spec that uses images in every role.
const everyRole = `{
	"initContainers": [
		{"name": "migrate", "image": "migrate:1"},
		{"name": "sidecar", "image": "proxy", "restartPolicy": "Always", "volumeMounts": [{"name": "model"}]}],
	"containers": [{"name": "web", "image": "web:2", "imagePullPolicy": "Never"}],
	"ephemeralContainers": [{"name": "debug", "image": "busybox:latest"}],
	"volumes": [
		{"name": "tmp", "emptyDir": {}},
		{"name": "model", "image": {"reference": "models/llm:7b"}},
		{"name": "spare", "image": {"reference": "models/spare", "pullPolicy": "IfNotPresent"}}],
	"imagePullSecrets": [{"name": "b"}, {}, {"name": "a"}],
	"serviceAccountName": "shopper"}`

// everyImage are the images of everyRole as a field's.
func everyImage(field string) []Image {
	return []Image{
		{field + ".initContainers[0].image", "migrate", InitContainer, "migrate:1", corev1.PullIfNotPresent, false, ""},
		{field + ".initContainers[1].image", "sidecar", InitContainer, "proxy", corev1.PullAlways, false, ""},
		{field + ".containers[0].image", "web", Container, "web:2", corev1.PullNever, false, ""},
		{field + ".ephemeralContainers[0].image", "debug", EphemeralContainer, "busybox:latest", corev1.PullAlways, false, ""},
		{field + ".volumes[1].image.reference", "model", Volume, "models/llm:7b", corev1.PullIfNotPresent, true, ""},
		{field + ".volumes[2].image.reference", "spare", Volume, "models/spare", corev1.PullIfNotPresent, false, ""},
	}
}

// read reads an object that has to be readable.
func read(t *testing.T, k *Kinds, raw string, op Operation) Workload {
	t.Helper()
	w, err := k.Read([]byte(raw), op)
	if err != nil {
		t.Fatalf("Read(%.200s): %v", raw, err)
	}
	return w
}

func TestReadEveryKindAndRole(t *testing.T) {
	tests := []struct {
		apiVersion, kind, object, field string
	}{
		{"v1", "Pod", `"spec": %s`, "spec"},
		{"v1", "ReplicationController", `"spec": {"replicas": 1, "template": {"spec": %s}}`, "spec.template.spec"},
		{"v1", "PodTemplate", `"template": {"metadata": {}, "spec": %s}`, "template.spec"},
		{"apps/v1", "Deployment", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"apps/v1beta2", "Deployment", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"extensions/v1beta1", "Deployment", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"apps/v1", "StatefulSet", `"spec": {"template": {"spec": %s}, "volumeClaimTemplates": []}`, "spec.template.spec"},
		{"apps/v1", "DaemonSet", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"extensions/v1beta1", "DaemonSet", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"apps/v1", "ReplicaSet", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"extensions/v1beta1", "ReplicaSet", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
		{"batch/v1", "Job", `"spec": {"activeDeadlineSeconds": 9, "template": {"spec": %s}}`, "spec.template.spec"},
		{"batch/v1", "CronJob", `"spec": {"jobTemplate": {"spec": {"template": {"spec": %s}}}}`, "spec.jobTemplate.spec.template.spec"},
		{"argoproj.io/v1alpha1", "Rollout", `"spec": {"template": {"spec": %s}}`, "spec.template.spec"},
	}
	kinds, err := NewKinds([]Custom{{Group: "argoproj.io", Kind: "Rollout", PodTemplates: []string{"spec.template"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.apiVersion+" "+tt.kind, func(t *testing.T) {
			raw := fmt.Sprintf(`{"kind": %q, "apiVersion": %q, "metadata": {"name": "x", "namespace": "shop"}, `+tt.object+`}`,
				tt.kind, tt.apiVersion, everyRole)
			w := read(t, kinds, raw, Create)
			if want := (Object{tt.apiVersion, tt.kind, "shop", "x"}); w.Object != want {
				t.Errorf("object %+v, want %+v", w.Object, want)
			}
			if len(w.Templates) != 1 {
				t.Fatalf("%d templates, want 1", len(w.Templates))
			}
			checkEveryRole(t, w.Templates[0], tt.field)
			if custom := tt.kind == "Rollout"; w.Templates[0].Custom != custom {
				t.Errorf("Custom is %t, want %t", w.Templates[0].Custom, custom)
			}
		})
	}
}

// checkEveryRole checks the template of everyRole.
func checkEveryRole(t *testing.T, got Template, field string) {
	t.Helper()
	if got.Field != field {
		t.Errorf("field %q, want %q", got.Field, field)
	}
	if want := everyImage(field); !reflect.DeepEqual(got.Images, want) {
		t.Errorf("images\n%+v, want\n%+v", got.Images, want)
	}
	if want := []string{"b", "", "a"}; !slices.Equal(got.PullSecrets, want) {
		t.Errorf("pull secrets %q, want %q", got.PullSecrets, want)
	}
	if got.ServiceAccount != "shopper" {
		t.Errorf("service account %q, want shopper", got.ServiceAccount)
	}
	if !got.InheritsSecrets {
		t.Error("InheritsSecrets is false")
	}
}

func TestReadPodByOperation(t *testing.T) {
	pod := func(annotations string) string {
		return `{"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": {` + annotations + `}}, "spec": ` + everyRole + `}`
	}
	tests := []struct {
		name     string
		raw      string
		op       Operation
		inherits bool
		images   int
	}{
		{"create", pod(""), Create, true, 6},
		{"update", pod(""), Update, false, 6},
		{"ephemeral containers", pod(""), EphemeralContainers, false, 2},
		{"mirror", pod(`"kubernetes.io/config.mirror": ""`), Create, false, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(t, &Kinds{}, tt.raw, tt.op).Templates[0]
			if got.InheritsSecrets != tt.inherits || len(got.Images) != tt.images {
				t.Errorf("inherits %t and %d images, want %t and %d", got.InheritsSecrets, len(got.Images), tt.inherits, tt.images)
			}
			if tt.op == EphemeralContainers && got.Images[0].Field != "spec.ephemeralContainers[0].image" {
				t.Errorf("image is %s", got.Images[0].Field)
			}
		})
	}
}

func TestReadTemplateAlwaysInherits(t *testing.T) {
	raw := `{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": ` + everyRole + `}}}`
	for _, op := range []Operation{Create, Update} {
		if !read(t, &Kinds{}, raw, op).Templates[0].InheritsSecrets {
			t.Errorf("operation %d: InheritsSecrets is false", op)
		}
	}
}

func TestReadHeader(t *testing.T) {
	const owners = `"ownerReferences": [{"kind": "A", "name": "a"}, {"kind": "B", "name": "b", "controller": false},
		{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "c", "controller": true}]`
	tests := []struct {
		name, kind, metadata, object, controller string
		daemonSet                                bool
	}{
		{"named", "Pod", `{"name": "n", "generateName": "g-"}`, "n", "", false},
		{"generated", "Pod", `{"generateName": "g-"}`, "g-*", "", false},
		{"nameless", "Pod", `{}`, "", "", false},
		{"no metadata", "Pod", `null`, "", "", false},
		{"owned", "Pod", `{"name": "n", ` + owners + `}`, "n", "c", true},
		{"no daemon set", "Pod", `{"ownerReferences": [{"apiVersion": "x.io/v1", "kind": "DaemonSet", "name": "c", "controller": true}]}`, "", "c", false},
		{"another controller", "Pod", `{"ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "c", "controller": true}]}`, "", "c", false},
		{"owned but not controlled", "Pod", `{"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet"}]}`, "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := read(t, &Kinds{}, fmt.Sprintf(`{"metadata": %s, "kind": %q, "apiVersion": "v1"}`, tt.metadata, tt.kind), Create)
			controller := ""
			if w.Controller != nil {
				controller = w.Controller.Name
			}
			if w.Object.Name != tt.object || controller != tt.controller || w.DaemonSet() != tt.daemonSet {
				t.Errorf("name %q, controller %q, daemon set %t; want %q, %q, %t",
					w.Object.Name, controller, w.DaemonSet(), tt.object, tt.controller, tt.daemonSet)
			}
		})
	}
	own := read(t, &Kinds{}, `{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"annotations": {"a": "b"}}}`, Create)
	if !own.DaemonSet() || own.Annotations["a"] != "b" {
		t.Errorf("daemon set %t, annotations %v", own.DaemonSet(), own.Annotations)
	}
}

func TestReadServiceAccount(t *testing.T) {
	for spec, want := range map[string]string{
		`{}`: "default",
		`{"serviceAccountName": "new", "serviceAccount": "old"}`: "new",
		`{"serviceAccount": "old"}`:                              "old",
	} {
		got := read(t, &Kinds{}, `{"apiVersion": "v1", "kind": "Pod", "spec": `+spec+`}`, Create).Templates[0]
		if got.ServiceAccount != want {
			t.Errorf("%s: service account %q, want %q", spec, got.ServiceAccount, want)
		}
	}
}

func TestReadScheduling(t *testing.T) {
	raw := `{"apiVersion": "v1", "kind": "Pod", "spec": {
		"nodeName": "n1", "nodeSelector": {"disk": "ssd"}, "os": {"name": "windows"}, "runtimeClassName": "gvisor",
		"affinity": {"podAffinity": {}, "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
			{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}},
		"tolerations": [{"key": "gpu", "operator": "Exists"}],
		"initContainers": [{"resources": {"requests": {"example.com/fpga": 1, "cpu": "1"}}}],
		"containers": [{"resources": {"limits": {"nvidia.com/gpu": 1, "kubernetes.io/batch-cpu": 1}, "requests": {"memory": "a/b"}}},
			{"resources": "harmless/here"}]}}`
	exists := func(key string) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}
	}
	class := "gvisor"
	want := &corev1.PodSpec{
		NodeName: "n1", NodeSelector: map[string]string{"disk": "ssd"}, OS: &corev1.PodOS{Name: corev1.Windows}, RuntimeClassName: &class,
		Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
				{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}}}}}},
		Tolerations: []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}, exists("example.com/fpga"), exists("nvidia.com/gpu")},
	}
	if got := read(t, &Kinds{}, raw, Create).Templates[0].Spec; !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestReadPolicy(t *testing.T) {
	const digest = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sha512 := "@sha512:" + strings.Repeat("a", 128)
	tests := []struct {
		reference, written string
		want               corev1.PullPolicy
	}{
		{"nginx", "", corev1.PullAlways},
		{"nginx:latest", "", corev1.PullAlways},
		{"nginx:1", "", corev1.PullIfNotPresent},
		{"nginx:Latest", "", corev1.PullIfNotPresent},
		{"nginx" + digest, "", corev1.PullIfNotPresent},
		{"nginx:latest" + digest, "", corev1.PullAlways},
		{"nginx:1" + digest, "", corev1.PullIfNotPresent},
		{"nginx:latest" + sha512, "", corev1.PullAlways},
		{"localhost:5000/nginx", "", corev1.PullAlways},
		{"localhost:5000", "", corev1.PullIfNotPresent}, // a tag of docker.io/library/localhost
		{"Nginx", "", corev1.PullIfNotPresent},
		{"", "", corev1.PullIfNotPresent},
		{" ", "", corev1.PullIfNotPresent},
		{"https://r/x", "", corev1.PullIfNotPresent},
		{strings.Repeat("a", 250) + "." + strings.Repeat("b", 200) + "/" + strings.Repeat("c", 255) + ":latest" + sha512, "", corev1.PullAlways},
		{strings.Repeat("a", 2000) + ".io/x:latest", "", corev1.PullAlways},
		{strings.Repeat("a", 1<<20) + ".io/x:latest", "", corev1.PullIfNotPresent}, // not parsed
		{"nginx", "Never", corev1.PullNever},
		{"nginx", "IfNotPresent", corev1.PullIfNotPresent},
		{"nginx:1", "Always", corev1.PullAlways},
		{"nginx:1", "always", "always"},
	}
	for _, tt := range tests {
		raw, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": map[string]any{
			"containers": []any{map[string]any{"image": tt.reference, "imagePullPolicy": tt.written}},
			"volumes":    []any{map[string]any{"image": map[string]any{"reference": tt.reference, "pullPolicy": tt.written}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range read(t, &Kinds{}, string(raw), Create).Templates[0].Images {
			if image.Policy != tt.want || image.Reference != tt.reference {
				t.Errorf("%s %.99q with policy %q: %.99q with policy %s, want %s",
					image.Role, tt.reference, tt.written, image.Reference, image.Policy, tt.want)
			}
		}
	}
}

func TestReadIsGenerous(t *testing.T) {
	for _, raw := range []string{
		`{"kind": "Pod", "apiVersion": "v1"}`,
		`{"kind": "Pod", "apiVersion": "v1", "metadata": null, "spec": null}`,
		`{"kind": "Deployment", "apiVersion": "apps/v1", "spec": {"template": null}}`,
		`{"kind": "ReplicationController", "apiVersion": "v1", "spec": {}}`,
		`{"kind": "CronJob", "apiVersion": "batch/v1", "spec": {"jobTemplate": {"spec": null}}}`,
		`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": null, "volumes": [null, {"name": null}], "affinity": null, "os": null}}`,
		`{"kind": "Pod", "apiVersion": "v1", "spec": {"Containers": 5, "securityContext": "no", "dnsPolicy": 7}}`,
	} {
		w := read(t, &Kinds{}, raw, Create)
		if len(w.Templates) != 1 || len(w.Templates[0].Images) != 0 || w.Templates[0].Spec == nil {
			t.Errorf("%s: %+v", raw, w)
		}
	}
	empty := read(t, &Kinds{}, `{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [null, {}, {"image": " "}], "volumes": [{"image": {}}]}}`, Create)
	var references []string
	for _, image := range empty.Templates[0].Images {
		references = append(references, image.Reference)
	}
	if want := []string{"", "", " ", ""}; !slices.Equal(references, want) {
		t.Errorf("references %q, want %q", references, want)
	}
}
