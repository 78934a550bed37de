package stuck

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FuzzWords: whatever kubelets say in status and events, what is kept of it is
// short, and has nothing of what stands behind the question mark of a URL.
func FuzzWords(f *testing.F) {
	const marker = "s3cr3tM4rk3r"
	for _, words := range []string{
		`Failed to pull image "quay.io/app:1": not found`, `failed to pull image "a/b": failed to resolve: "https://cdn.test/blob?sig=` + marker + `": 403`,
		`Failed to create pod sandbox: failed to get sandbox image "registry.k8s.io/pause:3.10": x`, `Failed to pull image ""`, `Failed to pull image "\"a:b\""`, "\xff", "https://?x",
	} {
		f.Add("ErrImagePull", "Failed", words)
		f.Add("ContainerCreating", "FailedCreatePodSandBox", words)
	}
	f.Fuzz(func(t *testing.T, waits, event, words string) {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "c", Image: "a"}}}}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: waits, Message: words}}}}
		found := Of(pod)
		if found == nil {
			return
		}
		images := found.Images
		if image := found.FromEvents([]corev1.Event{{Reason: event, Message: words}}); image != nil {
			images = append(images, *image)
		}
		for _, image := range images {
			if len(image.Words) > maxWords+len("…") || utf8.ValidString(words) && !utf8.ValidString(image.Words) {
				t.Errorf("%d bytes are kept: %q", len(image.Words), image.Words)
			}
			if _, query, signed := strings.Cut(words, "https://cdn.test/blob?"); signed && strings.HasPrefix(query, "sig="+marker) && strings.Contains(image.Words, "blob?sig="+marker) {
				t.Errorf("%q tells a signature", image.Words)
			}
		}
	})
}
