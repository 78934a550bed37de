package doctor

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

// configuration is a ValidatingWebhookConfiguration that calls a Service.
func configuration(name, entry string, labels map[string]string) *admissionv1.ValidatingWebhookConfiguration {
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Webhooks: []admissionv1.ValidatingWebhook{{Name: entry, ClientConfig: admissionv1.WebhookClientConfig{
			Service: &admissionv1.ServiceReference{Namespace: "pullgate-system", Name: "pullgate"},
		}}},
	}
}

// TestWhichPullgate: it is found by its label or its entries, and asked for where
// there are several.
func TestWhichPullgate(t *testing.T) {
	ours := map[string]string{productLabel: product}
	labelled, other := configuration("a", "x.example", ours), configuration("z", "z.example", nil)
	byEntry := configuration("b", "pods.pullgate.dev", nil)
	for _, test := range []struct {
		name    string
		there   []runtime.Object
		asked   string
		found   string
		problem error
	}{
		{"none", []runtime.Object{other}, "", "", errNoConfiguration},
		{"by label", []runtime.Object{other, labelled}, "", "a", nil},
		{"by entries", []runtime.Object{other, byEntry}, "", "b", nil},
		{"several", []runtime.Object{labelled, byEntry}, "", "", ErrAmbiguous},
		{"by name", []runtime.Object{labelled, byEntry}, "b", "b", nil},
		{"no such name", []runtime.Object{labelled}, "c", "", errNoConfiguration},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := &gatherer{client: fake.NewClientset(test.there...), record: &Record{Namespace: "shop"}}
			err := g.objects(t.Context(), test.asked, nil)
			if errors.Is(test.problem, ErrAmbiguous) != (err != nil) {
				t.Errorf("the error is %v", err)
			}
			found := g.record.Webhook
			if !errors.Is(found.Err, test.problem) || test.found != "" && (found.Value.Name != test.found || g.record.Target.Service != "pullgate") {
				t.Errorf("found %+v", found)
			}
		})
	}
}

// TestWhoMayNotList: the one of the usual name is taken.
func TestWhoMayNotList(t *testing.T) {
	client := fake.NewClientset(configuration("pullgate", "pods.pullgate.dev", nil))
	client.PrependReactor("list", "validatingwebhookconfigurations", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "validatingwebhookconfigurations"}, "", nil)
	})
	g := &gatherer{client: client, record: &Record{Namespace: "shop"}}
	if err := g.objects(t.Context(), "", nil); err != nil || g.record.Webhook.Err != nil || g.record.Target.Service != "pullgate" {
		t.Errorf("%v, %+v", err, g.record.Webhook)
	}
}

// TestGranted: each verb is asked for the account that Pullgate has.
func TestGranted(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		asked := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		asked.Status.Allowed = asked.Spec.User == "system:serviceaccount:pullgate-system:pullgate" && asked.Spec.ResourceAttributes.Verb == "get"
		return true, asked, nil
	})
	got := granted(t.Context(), client, []Right{
		{Account: "pullgate-system:pullgate", Resource: "secrets", Verbs: []string{"get"}},
		{Account: "pullgate-system:pullgate", Resource: "nodes", Verbs: watched()},
	})
	if len(got[0].Missing) > 0 || !slices.Equal(got[1].Missing, []string{"list", "watch"}) {
		t.Errorf("missing %q, %q", got[0].Missing, got[1].Missing)
	}
}

// TestCounted: what an API server counts of Pullgate's entries, and of no other's.
func TestCounted(t *testing.T) {
	const text = `# TYPE apiserver_admission_webhook_fail_open_count counter
apiserver_admission_webhook_fail_open_count{name="pods.pullgate.dev",type="validating"} 3
apiserver_admission_webhook_fail_open_count{name="other.example",type="validating"} 5
# TYPE apiserver_admission_match_condition_exclusions_total counter
apiserver_admission_match_condition_exclusions_total{kind="webhook",name="pods.pullgate.dev",operation="CREATE",type="validating"} 1
apiserver_admission_match_condition_exclusions_total{kind="webhook",name="pods.pullgate.dev",operation="UPDATE",type="validating"} 2
`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	before := Counts{FailedOpen: map[string]float64{"pods.pullgate.dev": 1}}
	got, err := countedSince(t.Context(), client.CoreV1().RESTClient(), before)
	if err != nil || got.FailedOpen["pods.pullgate.dev"] != 2 || got.Left["pods.pullgate.dev"] != 3 || len(got.FailedOpen)+len(got.Left)+len(got.Errors) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRegistriesOf: images' registries by the names that images have of them.
func TestRegistriesOf(t *testing.T) {
	got := registriesOf([]string{"nginx", "docker.io/library/redis:7", "ghcr.io/a/b@sha256:x", "ghcr.io/a/b:1", "localhost:5000/c"})
	if want := []string{"docker.io", "ghcr.io", "localhost:5000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestProgram: what is read off the Pods, and the defaults of flags.
func TestProgram(t *testing.T) {
	of := func(args ...string) program {
		return program{corev1.PodSpec{Containers: []corev1.Container{{
			Name: "pullgate", Args: args, Ports: []corev1.ContainerPort{{Name: "webhook", ContainerPort: 10250}},
		}, {Name: "sidecar"}}}}
	}
	if running := of("serve"); running.port() != 9443 || running.portName() != "" || !running.managesCertificate() {
		t.Errorf("without flags: %d, %q, %t", running.port(), running.portName(), running.managesCertificate())
	}
	if running := of("serve", "--bind-address=:10250", "--cert-dir=/certs"); running.port() != 10250 || running.portName() != "webhook" || running.managesCertificate() {
		t.Errorf("with flags: %d, %q, %t", running.port(), running.portName(), running.managesCertificate())
	}
	if running := (program{}); running.port() != 0 || running.managesCertificate() {
		t.Errorf("not known: %d, %t", running.port(), running.managesCertificate())
	}
}
