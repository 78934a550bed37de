// Package bench measures /validate: over TLS, with everything that `pullgate
// serve` puts behind it, beside an admission webhook that decides nothing.
package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// BenchmarkValidate asks about a Deployment whose image is known, with one pull
// secret. Blocks of requests go to Pullgate and to the other in turn, so that
// what else the machine does hits both.
func BenchmarkValidate(b *testing.B) {
	for _, images := range []int{1, 20} {
		for _, inFlight := range []int{1, 16} {
			b.Run(fmt.Sprintf("images=%d/inflight=%d", images, inFlight), func(b *testing.B) { compare(b, images, inFlight) })
		}
	}
}

func compare(b *testing.B, n, inFlight int) {
	const block = 400
	images := &images{}
	host := images.start(b)
	gate, other := serve(b, gate(b, host), true), serve(b, allow(), false)
	client, review := newClient(b), cachedReview(b, host, n)
	for range 100 { // connections, tokens and the first look at the image
		post(b, client, gate, review)
		post(b, client, other, review)
	}
	images.requests.Store(0)
	var gated, allowed load
	b.ResetTimer()
	for left := b.N; left > 0; left -= block {
		gated.run(min(left, block), inFlight, func() { post(b, client, gate, review) })
		b.StopTimer()
		allowed.run(min(left, block), inFlight, func() { post(b, client, other, review) })
		b.StartTimer()
	}
	b.StopTimer()
	gated.report(b, "")
	allowed.report(b, "allow-")
	b.ReportMetric(gated.perSecond()/allowed.perSecond(), "ratio")
	b.ReportMetric(gated.percentile(99).Seconds()/allowed.percentile(99).Seconds(), "p99-ratio")
	b.ReportMetric(float64(images.requests.Load())/float64(b.N), "registry-req/op")
	b.ReportMetric(0, "ns/op") // is that of both
}

// BenchmarkNewImages asks about a Pod with 20 images that nobody asked about
// before, on a registry that is 20 ms away.
func BenchmarkNewImages(b *testing.B) {
	images := &images{delay: 20 * time.Millisecond}
	host := images.start(b)
	url := serve(b, gate(b, host), true)
	client := newClient(b)
	var pods load
	for turn := 0; b.Loop(); turn++ {
		review := newImages(b, host, turn)
		pods.run(1, 1, func() { post(b, client, url, review) })
	}
	b.ReportMetric(pods.percentile(50).Seconds()*1000, "p50-ms")
	b.ReportMetric(pods.percentile(99).Seconds()*1000, "p99-ms")
	b.ReportMetric(float64(images.requests.Load())/float64(b.N), "registry-req/op")
	b.ReportMetric(0, "ns/op") // p50 says it
}

// load is what many requests took.
type load struct {
	mu    sync.Mutex
	took  []time.Duration
	total time.Duration
}

// run does something n times, so many at once.
func (l *load) run(n, inFlight int, do func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	begin := time.Now()
	for range inFlight {
		group.Go(func() {
			var took []time.Duration
			for left.Add(-1) >= 0 {
				start := time.Now()
				do()
				took = append(took, time.Since(start))
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took = append(l.took, took...)
		})
	}
	group.Wait()
	l.total += time.Since(begin)
}

func (l *load) perSecond() float64 { return float64(len(l.took)) / l.total.Seconds() }

func (l *load) percentile(p int) time.Duration {
	slices.Sort(l.took)
	return l.took[(len(l.took)-1)*p/100]
}

func (l *load) report(b *testing.B, prefix string) {
	b.ReportMetric(l.perSecond(), prefix+"req/s")
	b.ReportMetric(float64(l.percentile(50).Microseconds()), prefix+"p50-µs")
	b.ReportMetric(float64(l.percentile(99).Microseconds()), prefix+"p99-µs")
}

// deployment is the AdmissionReview of a Deployment as kubectl and the API
// server make one.
func deployment(b testing.TB, image string) []byte {
	replicas, labels := int32(3), map[string]string{"app": "web", "team": "shop"}
	object := appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", UID: "0e2f8ad2-40a5-4a57-a9dd-c3ce8ba3e9c1", Generation: 1, Labels: labels, CreationTimestamp: metav1.Now()},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: podSpec(image)},
		},
	}
	applied, err := json.Marshal(object)
	if err != nil {
		b.Fatal(err)
	}
	object.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: string(applied)}
	fields := metav1.NewFieldsV1(string(applied))
	object.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", FieldsType: "FieldsV1", FieldsV1: fields}}
	return review(b, "Deployment", object)
}

func newImages(b *testing.B, host string, turn int) []byte {
	spec := corev1.PodSpec{}
	for i := range 20 {
		spec.Containers = append(spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Image: fmt.Sprintf("%s/public/%d-%d:1", host, turn, i)})
	}
	return review(b, "Pod", corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: spec})
}

// podOf is a Pod with one container.
func podOf(image string) corev1.Pod {
	return corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}}}
}

func podSpec(image string) corev1.PodSpec {
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}, PeriodSeconds: 10, FailureThreshold: 3}
	return corev1.PodSpec{
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "regcred"}}, ServiceAccountName: "web", RestartPolicy: corev1.RestartPolicyAlways,
		Containers: []corev1.Container{{
			Name: "web", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Args: []string{"--port", "8080"},
			Env:           []corev1.EnvVar{{Name: "LEVEL", Value: "info"}, {Name: "REGION", Value: "eu"}},
			Ports:         []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			LivenessProbe: probe, ReadinessProbe: probe,
			Resources:    corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
			VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/web"}},
		}},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}
}

// review is the AdmissionReview of an object that is created.
func review(b testing.TB, kind string, object any) []byte {
	raw, err := json.Marshal(object)
	if err != nil {
		b.Fatal(err)
	}
	no := false
	request := &admissionv1.AdmissionRequest{
		UID: "705ab4f5-6393-11e8-b7cc-42010a800002", Namespace: "shop", Name: "web", Operation: admissionv1.Create, DryRun: &no,
		Kind: metav1.GroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: kind}), Object: runtime.RawExtension{Raw: raw},
	}
	request.UserInfo.Username, request.UserInfo.Groups = "alice@example.com", []string{"system:authenticated", "developers"}
	text, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request})
	if err != nil {
		b.Fatal(err)
	}
	return text
}
