package bench

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BenchmarkMemory measures what Pullgate takes with so many answers in its cache as
// it keeps by default.
func BenchmarkMemory(b *testing.B) {
	const perPod, kept = 100, 100_000
	images := &images{}
	host := images.start(b)
	gate, client := startChild(b, host), newClient(b)
	for b.Loop() {
		var all load
		var turn counter
		all.run(kept/perPod, 4, func() { post(b, client, gate.url, newPod(b, host, "fill-"+turn.next(), perPod)) })
		b.ReportMetric(gate.megabytes(b, "VmRSS"), "100k-cached-MB")
		b.ReportMetric(gate.megabytes(b, "VmHWM"), "most-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// newPod is the review of a Pod with so many images that nobody asked about.
func newPod(b testing.TB, host, name string, n int) []byte {
	spec := corev1.PodSpec{}
	for i := range n {
		spec.Containers = append(spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Image: fmt.Sprintf("%s/public/%s-%d:1", host, name, i)})
	}
	return review(b, "Pod", corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec})
}
