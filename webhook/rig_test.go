package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pullgate/pullgate/engine"
	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/resolver/wording"
	"github.com/pullgate/pullgate/workload"
)

// rig is a Handler over a fake resolver, and what it wrote.
type rig struct {
	*Handler
	engine        *engine.Engine
	configuration policy.Configuration
	resolve       func(ctx context.Context, w workload.Workload) resolver.Report
	labels        map[string]string
	log           bytes.Buffer
	metrics       *prometheus.Registry

	mu    sync.Mutex
	asked []workload.Workload
}

// newRig answers for every image by its tag: "tagnotfound" is TagNotFound, and
// what is no reason is Pullable.
func newRig(t testing.TB, change ...func(*policy.Configuration)) *rig {
	t.Helper()
	r := &rig{configuration: policy.Default(), metrics: prometheus.NewRegistry()}
	r.resolve = func(_ context.Context, w workload.Workload) resolver.Report { return byTag(w) }
	for _, change := range change {
		change(&r.configuration)
	}
	kinds, err := workload.NewKinds([]workload.Custom{{Group: "argoproj.io", Kind: "Rollout", PodTemplates: []string{"spec.template"}}})
	if err != nil {
		t.Fatal(err)
	}
	r.engine = &engine.Engine{
		Policy: r.configuration, Kinds: kinds, Resolver: r, Self: "pullgate-system",
		Labels: func(context.Context, string) (map[string]string, error) { return r.labels, nil },
	}
	r.Handler = &Handler{
		Engine:  func() (*engine.Engine, func()) { return r.engine, func() {} },
		Log:     slog.New(slog.NewJSONHandler(&r.log, nil)),
		Metrics: NewMetrics(r.metrics),
	}
	return r
}

// Resolve makes a rig the Resolver of its engine.
func (r *rig) Resolve(ctx context.Context, w workload.Workload) resolver.Report {
	r.mu.Lock()
	r.asked = append(r.asked, w)
	r.mu.Unlock()
	return r.resolve(ctx, w)
}

// images are those that were asked about.
func (r *rig) images() (images []string) {
	for _, w := range r.asked {
		for _, template := range w.Templates {
			for _, image := range template.Images {
				images = append(images, image.Reference)
			}
		}
	}
	return images
}

func byTag(w workload.Workload) resolver.Report {
	byName := map[string]pull.Reason{}
	for _, entry := range pull.Standard().Reasons {
		reason := entry.Reason
		byName[strings.ToLower(string(reason))] = reason
	}
	report := resolver.Report{Object: w.Object}
	for _, template := range w.Templates {
		for _, image := range template.Images {
			_, tag, _ := strings.Cut(image.Reference, ":")
			report.Results = append(report.Results, resultOf(image, byName[tag]))
		}
	}
	return report
}

func resultOf(image workload.Image, reason pull.Reason) resolver.Result {
	if reason == "" || reason == pull.ReasonPullable {
		return resolver.Result{Image: image, Reason: pull.ReasonPullable, Verdict: pull.Pullable}
	}
	summary := "summary of " + string(reason)
	return resolver.Result{
		Image: image, Reason: reason, Verdict: reason.Verdict(),
		Words: wording.Words{
			Summary: summary, Evidence: "the registry said so", Message: summary + ": the registry said so", Hint: "hint for " + string(reason),
		},
	}
}

// creation is an AdmissionReview to be, of a Deployment that is created.
func creation(object string, change ...func(*admissionv1.AdmissionRequest)) *admissionv1.AdmissionRequest {
	r := &admissionv1.AdmissionRequest{
		UID: "uid-1", Namespace: "shop", Name: "web", Operation: admissionv1.Create, Object: raw(object),
	}
	r.Kind.Kind, r.UserInfo.Username = "Deployment", "alice"
	for _, change := range change {
		change(r)
	}
	return r
}

// update turns a request into one that changes an object.
func update(old string) func(*admissionv1.AdmissionRequest) {
	return func(r *admissionv1.AdmissionRequest) {
		r.Operation, r.OldObject = admissionv1.Update, raw(old)
	}
}

func raw(object string) runtime.RawExtension {
	if object == "" {
		return runtime.RawExtension{} // sent as null
	}
	return runtime.RawExtension{Raw: []byte(object)}
}

func dryRun(r *admissionv1.AdmissionRequest) { yes := true; r.DryRun = &yes }

// deployment is one with a container for each image.
func deployment(images ...string) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"template":{"spec":{"containers":[%s]}}}}`, containers(images...))
}

func containers(images ...string) string {
	var list []string
	for i, image := range images {
		list = append(list, fmt.Sprintf(`{"name":"c%d","image":%s}`, i, quoteJSON(image)))
	}
	return strings.Join(list, ",")
}

func quoteJSON(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// pod is a Pod with metadata as given, such as `"annotations":{}`.
func pod(metadata string, images ...string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{%s},"spec":{"containers":[%s]}}`, metadata, containers(images...))
}

// encoded is the AdmissionReview that holds a request.
func encoded(t testing.TB, r *admissionv1.AdmissionRequest) []byte {
	t.Helper()
	review := admissionv1.AdmissionReview{Request: r}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	text, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// post sends a body as the API server would.
func (r *rig) post(text []byte, query string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/validate"+query, bytes.NewReader(text)))
	return recorder
}

// ask sends a request, and makes sure that the answer is one that an API
// server takes.
func (r *rig) ask(t testing.TB, of *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	return read(t, r.post(encoded(t, of), "?timeout=10s"), string(of.UID))
}

func read(t testing.TB, recorder *httptest.ResponseRecorder, uid string) *admissionv1.AdmissionResponse {
	t.Helper()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &review); err != nil {
		t.Fatalf("%d %s: %v", recorder.Code, recorder.Body, err)
	}
	response := review.Response
	switch {
	case recorder.Code != http.StatusOK, recorder.Header().Get("Content-Type") != "application/json":
		t.Fatalf("%d %v: %s", recorder.Code, recorder.Header(), recorder.Body)
	case review.APIVersion != "admission.k8s.io/v1", review.Kind != "AdmissionReview", review.Request != nil, response == nil:
		t.Fatalf("no AdmissionReview that answers: %s", recorder.Body)
	case string(response.UID) != uid, response.Patch != nil, response.PatchType != nil:
		t.Fatalf("not the answer to %s: %s", uid, recorder.Body)
	case !response.Allowed && (response.Result == nil || response.Result.Message == "" || response.Result.Code != http.StatusForbidden):
		t.Fatalf("a refusal without a word: %s", recorder.Body)
	}
	checkTexts(t, response)
	return response
}

// checkTexts makes sure that the API server passes everything on.
func checkTexts(t testing.TB, response *admissionv1.AdmissionResponse) {
	t.Helper()
	total := 0
	for _, warning := range response.Warnings {
		total += len(warning)
		if _, err := utilnet.NewWarningHeader(299, "-", warning); err != nil || len(warning) > maxWarning || !utf8.ValidString(warning) {
			t.Errorf("warning of %d bytes, %v: %q", len(warning), err, warning)
		}
	}
	if total > 4<<10 {
		t.Errorf("warnings of %d bytes", total)
	}
	for key, value := range response.AuditAnnotations {
		if wrong := validation.IsQualifiedName("pods.pullgate.dev/" + key); len(wrong) > 0 || len(value) > maxAnnotation || !utf8.ValidString(value) {
			t.Errorf("audit annotation %s of %d bytes: %v", key, len(value), wrong)
		}
	}
	if response.Result == nil {
		return
	}
	if len(response.Result.Message) > 256<<10 || len(response.Result.Details.Causes) > maxCauses {
		t.Errorf("a refusal of %d bytes and %d causes", len(response.Result.Message), len(response.Result.Details.Causes))
	}
	for line := range strings.SplitSeq(response.Result.Message, "\n") {
		if strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("control characters in %q", line)
		}
	}
}

// counted returns a metric's samples as "label=value,…" to count.
func (r *rig) counted(t testing.TB, name string) map[string]float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			samples[strings.Join(labels, ",")] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return samples
}
