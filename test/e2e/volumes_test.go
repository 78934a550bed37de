package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/test/e2e/rig"
)

// testImageVolumes looks at volumes of images: a broken one matters once a
// container mounts it.
func testImageVolumes(t *testing.T, r *rig.Rig) {
	s := newStage(t, r, "volumes")
	good, bad, down := r.Lab.Open.Ref("shop/web:1.27"), r.Lab.Open.Ref("shop/web:1.99"), r.Lab.Down+"/shop/cart:7"
	volume := func(image string) string { return "volumes: [{name: data, image: {reference: '" + image + "'}}]" }
	const mounted = "volumeMounts: [{name: data, mountPath: /data}]"
	note := func(image, does, what string) string {
		return fmt.Sprintf("Warning: pullgate: %q: no container mounts this volume, but one that did %s fail: %s", image, does, what)
	}
	refused := `denied the request: "` + bad + "\": tag not found\n  field: spec.%svolumes[0].image.reference"
	s.configure(rolloutsConfig + "onUnknown: deny\n")
	defer s.configure(rolloutsConfig)
	for _, tc := range []struct {
		name, manifest string
		denied         bool
		says           string // empty: nothing
	}{
		{"good", pod("good", good, volume(good), mounted), false, ""},
		{"good-spare", pod("good-spare", good, volume(good)), false, ""},
		{"bad", pod("bad", good, volume(bad), mounted), true, fmt.Sprintf(refused, "")},
		{"bad-spare", pod("bad-spare", good, volume(bad)), false, note(bad, "would", "tag not found")},
		{"down", pod("down", good, volume(down), mounted), true, "cannot be reached"},
		{"down-spare", pod("down-spare", good, volume(down)), false, note(down, "might", "not checked")},
		{"web", deployment("web", good, volume(bad)), false, note(bad, "would", "tag not found")},
		{"web, mounted now", deployment("web", good, volume(bad), mounted), true, fmt.Sprintf(refused, "template.spec.")},
	} {
		before := s.calls()
		result := s.apply(tc.manifest)
		if denied := result.Code != 0; denied != tc.denied || !saysAll(result.Stderr, tc.says) || tc.says == "" && result.Stderr != "" {
			t.Errorf("%s: exit code %d: %s\nwant %q", tc.name, result.Code, result.Output, tc.says)
		}
		if calls := s.calls() - before; calls != 1 {
			t.Errorf("%s: %d calls, want 1", tc.name, calls)
		}
	}
	if got := s.recorded("bad-spare"); got.reason() != "Exempt" || got["decision"] != "allow" || !strings.Contains(got["images"], "tag not found") {
		t.Errorf("recorded %v", got)
	}
	s.mountLater("bad-spare", good, fmt.Sprintf(refused, ""))
}

// mountLater adds an ephemeral container that mounts what nobody did.
func (s stage) mountLater(pod, image, refused string) {
	s.Helper()
	added := `{"spec": {"ephemeralContainers": [{"name": "debug", "image": "` + image + `", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}}`
	result := s.kubectl("patch", "pod", pod, "--subresource=ephemeralcontainers", "-p", added)
	if result.Code == 0 || !saysAll(result.Stderr, refused) {
		s.Errorf("mounted by an ephemeral container: exit code %d: %s\nwant %q", result.Code, result.Output, refused)
	}
}
