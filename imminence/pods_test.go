package imminence

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// The images of containers of every kind count by their status, that of a volume by
// whether anything was started that needs it.
func TestUses(t *testing.T) {
	everywhere := func(string) bool { return true }
	runs := NewPod("worker")
	runs.Add("app", "web:1", "docker.io/library/web@sha256:1", false)
	runs.Add("debug", "tools:1", "", true)
	waits := NewPod("worker")
	waits.Add("app", "web:1", "", true)
	creates := NewPod("worker")
	creates.Add("app", "web:1", "", false)
	app := workload.Image{Role: workload.Container, Container: "app", Reference: "web:1"}
	volume := workload.Image{Role: workload.Volume, Container: "data", Reference: "data:1", Mounted: true}
	idle := workload.Image{Role: workload.Volume, Container: "idle", Reference: "idle:1"}
	named := workload.Image{Role: workload.Volume, Container: "app", Reference: "web:1"} // as a container is
	other := workload.Image{Role: workload.Container, Container: "app", Reference: "web:2"}
	for name, test := range map[string]struct {
		pod   *Pod
		image workload.Image
		want  Moment
	}{
		"runs":                            {runs, app, AtReschedule},
		"a debugger that waits":           {runs, workload.Image{Role: workload.EphemeralContainer, Container: "debug", Reference: "tools:1"}, Already},
		"waits":                           {waits, app, Already},
		"is created":                      {creates, app, AtNextPod},
		"another image":                   {runs, other, AtNextPod},
		"a volume of what waits":          {waits, volume, Already},
		"a volume of what is created":     {creates, volume, AtNextPod},
		"a volume that nobody mounts":     {runs, idle, AtNextPod},
		"a volume named as a container":   {creates, named, AtNextPod},
		"a volume of what runs and waits": {runs, volume, AtReschedule},
	} {
		use := Of([]*Pod{test.pod}, test.image, everywhere)
		if got := use.Moment(corev1.PullIfNotPresent, nil); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	use := Of([]*Pod{runs}, volume, everywhere)
	if moved := use.Moved(pull.Pullable, "docker.io/library/web:1", "sha256:2"); moved != "" {
		t.Errorf("a volume's tag has moved by what a container runs: %s", moved)
	}
}
