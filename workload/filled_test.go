package workload

import (
	"encoding/json"
	"testing"
)

// Images that somebody is still to replace are told from those of nodes.
func TestFilledBy(t *testing.T) {
	const byName = `[{"from": {"kind": "ImageStreamTag", "name": "web:1"}, "fieldPath": "spec.template.spec.containers[?(@.name==\"web\")].image"`
	tests := []struct{ name, container, image, triggers, want string }{
		{"an image", "web", "nginx:1", "", ""},
		{"a sidecar's place", "istio-proxy", "auto", "", "Istio's injection"},
		{"another container", "web", "auto", "", ""},
		{"a sidecar's image", "istio-proxy", "docker.io/istio/proxyv2:1", "", ""},
		{"a blank", "web", " ", byName + "}]", "OpenShift's image trigger"},
		{"a blank without a trigger", "web", " ", "", ""},
		{"what was there before", "web", "web:0", byName + `, "paused": "false"}]`, "OpenShift's image trigger"},
		{"paused", "web", "web:0", byName + `, "paused": "true"}]`, ""},
		{"paused by true", "web", "web:0", byName + `, "paused": true}]`, ""},
		{"of another container", "sidecar", "web:0", byName + "}]", ""},
		{"by place", "web", " ", `[{"fieldPath": "spec.template.spec.containers[0].image"}]`, "OpenShift's image trigger"},
		{"in other quotes", "web", " ", `[{"fieldPath": "spec.template.spec.containers[?(@.name=='web')].image"}]`, "OpenShift's image trigger"},
		{"no list", "web", " ", "{", ""},
	}
	for _, tt := range tests {
		annotation, err := json.Marshal(tt.triggers)
		if err != nil {
			t.Fatal(err)
		}
		w := read(t, &Kinds{}, `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"annotations": {"image.openshift.io/triggers": `+string(annotation)+
			`}}, "spec": {"template": {"spec": {"containers": [{"name": "`+tt.container+`", "image": "`+tt.image+`"}]}}}}`, Create)
		if got := w.Templates[0].Images[0].FilledBy; got != tt.want {
			t.Errorf("%s: filled by %q, want %q", tt.name, got, tt.want)
		}
	}
}

// A custom resource's controller may fill in what is empty, but for blanks.
func TestFilledByController(t *testing.T) {
	for image, want := range map[string]string{"": "the custom resource's controller", " ": "", "web": ""} {
		w := read(t, rollouts(t, "spec.template"), `{"apiVersion": "argoproj.io/v1", "kind": "Rollout", "spec": {"template": {"spec": {"containers": [{"image": "`+image+`"}]}}}}`, Create)
		if got := w.Templates[0].Images[0].FilledBy; got != want {
			t.Errorf("%q: filled by %q, want %q", image, got, want)
		}
	}
}
