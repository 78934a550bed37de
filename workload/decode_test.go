package workload

import (
	"errors"
	"strings"
	"testing"
)

func TestReadErrors(t *testing.T) {
	pod := func(spec string) string { return `{"kind": "Pod", "apiVersion": "v1", "spec": ` + spec + `}` }
	tests := []struct{ raw, want string }{
		{``, `not a JSON object; it begins with ""`},
		{`null`, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{`"Pod"`, "not a JSON object"},
		{`kind: Pod`, `it begins with "kind: Pod"`},
		{`{`, "not JSON"},
		{`{"kind": "Pod"`, "not JSON"},
		{`{"kind": "Pod", "apiVersion": "v1"`, "not JSON from byte 34 on: unexpected end of JSON input"},
		{`{"kind": "Pod", "apiVersion": "v1"} x`, "not JSON from byte 37 on"},
		{`{"kind": 7, "apiVersion": "v1"}`, "kind: a number stands where a string is expected"},
		{`{"kind": "Pod", "apiVersion": ["v1"]}`, "apiVersion: a list stands where a string is expected"},
		{`{"kind": "Pod", "apiVersion": "v1", "kind": "ConfigMap"}`, "apiVersion or kind is given twice"},
		{`{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": 7}}`, "metadata.name: a number stands where a string is expected"},
		{`{"kind": "Pod", "apiVersion": "v1", "metadata": {"annotations": {"a.b/c": true}}}`, "metadata.annotations.a.b/c: true or false stands where a string is expected"},
		{pod(`7`), "spec: a number stands where an object is expected"},
		{pod(`[]`), "spec: a list stands where an object is expected"},
		{pod(`{"containers": {}}`), "spec.containers: an object stands where a list is expected"},
		{pod(`{"containers": "web"}`), "spec.containers: a string stands where a list is expected"},
		{pod(`{"containers": [{"image": "a", "env": [{"name": "x"}, []]}, {"image": 1.5}]}`), "spec.containers[1].image: a number stands where a string is expected"},
		{pod(`{"containers": ["web"]}`), "spec.containers[0]: a string stands where an object is expected"},
		{pod(`{"volumes": [{}, {"image": {"reference": ["a"]}}]}`), "spec.volumes[1].image.reference: a list stands where a string is expected"},
		{pod(`{"volumes": [{"image": "a"}]}`), "spec.volumes[0].image: a string stands where an object is expected"},
		{pod(`{"imagePullSecrets": ["regcred"]}`), "spec.imagePullSecrets[0]: a string stands where an object is expected"},
		{pod(`{"tolerations": [{"tolerationSeconds": "9"}]}`), "spec.tolerations[0].tolerationSeconds: a string stands where a whole number is expected"},
		{pod(`{"tolerations": [{"tolerationSeconds": 1.5}]}`), "spec.tolerations[0].tolerationSeconds: a number stands where a whole number is expected"},
		{`{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": {"ownerReferences": [{"controller": "yes"}]}}`, "metadata.ownerReferences[0].controller: a string stands where true or false is expected"},
		{`{"kind": "CronJob", "apiVersion": "batch/v1", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"initContainers": [{"image": {}}]}}}}}}`,
			"spec.jobTemplate.spec.template.spec.initContainers[0].image: an object stands where a string is expected"},
		{pod(strings.Repeat("[", 20_000)), "not JSON"},
	}
	for _, tt := range tests {
		_, err := (&Kinds{}).Read([]byte(tt.raw), Create)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.100s:\nerror %v\nwant  %s", tt.raw, err, tt.want)
		}
		if errors.Is(err, ErrUnknownKind) {
			t.Errorf("%.100s: taken for an unknown kind", tt.raw)
		}
	}
}

// What stands for want of quotes is told from what has another shape.
func TestReadUnquoted(t *testing.T) {
	for value, want := range map[string]bool{`7`: true, `true`: true, `{"repository": "web"}`: false, `["web"]`: false} {
		_, err := (&Kinds{}).Read([]byte(`{"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": `+value+`}]}}`), Create)
		if wrong, ok := errors.AsType[*FieldError](err); !ok || wrong.Unquoted != want {
			t.Errorf("%s: %+v", value, err)
		}
	}
}

func TestReadUnknownKind(t *testing.T) {
	for _, raw := range []string{
		`{}`,
		`{"kind": "Pod"}`,
		`{"kind": "Pod", "apiVersion": "a/b/c"}`,
		`{"kind": "ConfigMap", "apiVersion": "v1", "spec": 7}`,
		`{"kind": "Deployment", "apiVersion": "v1"}`,
		`{"kind": "pod", "apiVersion": "v1"}`,
		`{"kind": "Scale", "apiVersion": "autoscaling/v1"}`,
		`{"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}`,
	} {
		if _, err := (&Kinds{}).Read([]byte(raw), Create); !errors.Is(err, ErrUnknownKind) {
			t.Errorf("%s: error %v, want ErrUnknownKind", raw, err)
		}
	}
}
