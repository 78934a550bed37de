package stuck

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pod is one on a node with an init container and a container that waits.
func pod(reason, message string) *corev1.Pod {
	requests := corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("1Gi"), "nvidia.com/gpu": resource.MustParse("2"), "nvidia.com/mig-1g.5gb": resource.MustParse("1"), "example.com/foo": resource.MustParse("7")}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", CreationTimestamp: metav1.Unix(7, 0)},
		Spec: corev1.PodSpec{NodeName: "worker",
			InitContainers: []corev1.Container{{Name: "init", Image: "init:1"}},
			Containers:     []corev1.Container{{Name: "web", Image: "web:1", Resources: corev1.ResourceRequirements{Requests: requests}}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "web", Image: "", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}},
		}},
	}
}

func TestOf(t *testing.T) {
	got := Of(pod("ImagePullBackOff", `Back-off pulling: ErrImagePull: Get "https://s3.example/blob?X-Amz-Signature=s3al3d": 403`))
	if got == nil || got.Silent || len(got.Images) != 1 || got.Images[0].Reference != "web:1" || got.Images[0].Container != "web" || got.Since != time.Unix(7, 0) {
		t.Fatalf("%+v", got)
	}
	if words := got.Images[0].Words; strings.Contains(words, "s3al3d") || !strings.Contains(words, "https://s3.example/blob?…") {
		t.Errorf("%s", words)
	}
	if want := (Resources{CPU: .5, Memory: 1 << 30, GPUs: 3}); got.Holds != want {
		t.Errorf("holds %+v", got.Holds)
	}
	for _, reason := range []string{"ErrImagePull", "ImageInspectError", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable", "SignatureValidationFailed"} {
		if Of(pod(reason, strings.Repeat("ü", maxWords))) == nil {
			t.Errorf("%s is passed over", reason)
		}
	}
	if got := Of(pod("ContainerCreating", "")); got == nil || !got.Silent {
		t.Errorf("%+v", got)
	}
	for name, spoil := range map[string]func(*corev1.Pod){
		"a crash":    func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State.Waiting.Reason = "CrashLoopBackOff" },
		"unplaced":   func(p *corev1.Pod) { p.Spec.NodeName = "" },
		"over":       func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed },
		"it running": func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State = corev1.ContainerState{} },
	} {
		one := pod("ImagePullBackOff", "")
		spoil(one)
		if got := Of(one); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	one := pod("PodInitializing", "")
	one.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "init", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}}}
	one.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(9, 0)}}
	if got := Of(one); got == nil || len(got.Images) != 1 || got.Images[0].Reference != "init:1" || got.Since != time.Unix(9, 0) {
		t.Errorf("of an init container: %+v", got)
	}
}

func TestFromEvents(t *testing.T) {
	sandbox := corev1.Event{Reason: "FailedCreatePodSandBox", Message: `Failed to create pod sandbox: rpc error: failed to get sandbox image \"r.example/pause:9\": not found`}
	failed := corev1.Event{Reason: "Failed", Message: `Failed to pull image "r.example/data:1": not found`}
	for name, test := range map[string]struct {
		events []corev1.Event
		want   string
	}{
		"nothing":                {nil, ""},
		"the sandbox":            {[]corev1.Event{sandbox}, "SandboxImage r.example/pause:9"},
		"containerd 2's":         {[]corev1.Event{{Reason: "FailedCreatePodSandBox", Message: `Failed to create pod sandbox: rpc error: failed to start sandbox: failed to pull image \"r.example/pause:9\": not found`}}, "SandboxImage r.example/pause:9"},
		"with others counted in": {[]corev1.Event{{Reason: "Failed", Message: "(combined from similar events): " + failed.Message}}, "ErrImagePull r.example/data:1"},
		"out of order": {[]corev1.Event{
			{Reason: "Failed", Message: failed.Message, LastTimestamp: metav1.Unix(9, 0)}, {Reason: "Pulled", LastTimestamp: metav1.Unix(5, 0)},
		}, "ErrImagePull r.example/data:1"},
		"a volume":          {[]corev1.Event{sandbox, failed}, "ErrImagePull r.example/data:1"},
		"it is well now":    {[]corev1.Event{failed, {Reason: "Pulled"}}, ""},
		"a network's fault": {[]corev1.Event{{Reason: "FailedCreatePodSandBox", Message: "plugin failed"}}, ""},
		"another failure":   {[]corev1.Event{{Reason: "Failed", Message: "Error: ErrImagePull"}}, ""},
	} {
		got := ""
		if image := (&Pod{}).FromEvents(test.events); image != nil {
			got = image.Reason + " " + image.Reference
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
