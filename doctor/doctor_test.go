package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/probe"
)

// now is when everything is looked at.
var now = time.Date(2026, 11, 1, 14, 0, 0, 0, time.UTC)

// certify makes a certificate that is its own authority's, for the Service's name.
func certify(t *testing.T, from, to time.Time, host string) (*x509.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pullgate"}, DNSNames: []string{host},
		NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// serve has the replicas show a certificate, and the configuration trust it.
func (r *Record) serve(t *testing.T, from, to time.Time, host string) {
	certificate, bundle := certify(t, from, to, host)
	r.Served = []Served{{Replica: "pullgate-1", Chain: []*x509.Certificate{certificate}}}
	for i := range r.Webhook.Value.Webhooks {
		r.Webhook.Value.Webhooks[i].ClientConfig.CABundle = bundle
	}
}

const host = "pullgate.pullgate-system.svc"

// well is the record of a Pullgate with which nothing is the matter.
func well(t *testing.T) *Record {
	t.Helper()
	ignore, replicas := admissionv1.Ignore, int32(2)
	selector := map[string]string{"app.kubernetes.io/name": "pullgate", "app.kubernetes.io/instance": "pullgate"}
	entry := admissionv1.ValidatingWebhook{
		Name: "podtemplates.pullgate.dev", FailurePolicy: &ignore,
		ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "pullgate-system", Name: "pullgate"}},
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"kube-system", "pullgate-system", "crm"}},
			{Key: "pullgate.dev/mode", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"off"}},
		}},
	}
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "pullgate-system", Name: "pullgate-1", Labels: selector},
		Spec: corev1.PodSpec{ServiceAccountName: "pullgate", Containers: []corev1.Container{{
			Name: "pullgate", Args: []string{"serve", "--bind-address=:9443", "--cert-secret=pullgate-certs", "--webhook-configuration=pullgate"},
			Ports: []corev1.ContainerPort{{Name: "webhook", ContainerPort: 9443}},
		}}},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	r := &Record{
		Namespace: "shop", Kubectl: "kubectl", From: "this machine", Clocks: Clocks{Here: now, Server: now.Add(-time.Second)},
		Webhook: read(&admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "pullgate"}, Webhooks: []admissionv1.ValidatingWebhook{entry}}, nil),
		Space:   read(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"kubernetes.io/metadata.name": "shop"}}}, nil),
		Target:  targetOf(&entry),
		Service: read(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "pullgate-system", Name: "pullgate"}, Spec: corev1.ServiceSpec{
			Selector: selector, Ports: []corev1.ServicePort{{Name: "webhook", Port: 443, TargetPort: intstr.FromString("webhook")}},
		}}, nil),
		Pods:       read(&corev1.PodList{Items: []corev1.Pod{pod}}, nil),
		Deployment: read(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "pullgate", Annotations: map[string]string{"meta.helm.sh/release-name": "gate", "meta.helm.sh/release-namespace": "ops"}}, Spec: appsv1.DeploymentSpec{Replicas: &replicas}}, nil),
		Settings:   read(policy.Default(), nil),
		Runs:       []Run{{Kind: "PodTemplate", Entry: entry.Name, Answer: &probe.Answer{Mode: "enforce"}}},
		Registries: []Ping{{Host: "ghcr.io", Status: "401 Unauthorized"}},
	}
	r.Rights = needs(r)
	r.serve(t, now.Add(-time.Hour), now.AddDate(0, 3, 0), host)
	return r
}

// lost has the dry run not come by; with no words under Ignore.
func (r *Record) lost(words string) {
	r.Runs[0].Answer = nil
	if words != "" {
		r.Runs[0].Err = apierrors.NewInternalError(errors.New(`failed calling webhook "podtemplates.pullgate.dev": failed to call webhook: Post "https://pullgate.pullgate-system.svc:443/validate?timeout=10s": ` + words))
	}
}

func absent(resource string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: resource}, "pullgate")
}

// TestJudge: what is the matter is named first, with what mends it.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(r *Record)
		code   Code
		wants  []string
	}{
		{"well", func(*Record) {}, "", []string{"PodTemplate came by in namespace shop, mode enforce", "API servers ask Pullgate"}},
		{"gone", func(r *Record) {
			r.Webhook, r.Target = read[*admissionv1.ValidatingWebhookConfiguration](nil, errNoConfiguration), Target{}
			r.lost("")
		}, NotInstalled, []string{"[change] helm upgrade --install"}},
		{"label", func(r *Record) { r.Space.Value.Labels["pullgate.dev/mode"] = "off"; r.lost("") }, NamespaceExcluded,
			[]string{"[change] kubectl label namespace shop pullgate.dev/mode-"}},
		{"kube-system", func(r *Record) {
			r.Namespace, r.Space.Value.Labels["kubernetes.io/metadata.name"] = "kube-system", "kube-system"
			r.lost("")
		},
			NamespaceExcluded, []string{"is always left out", "[look] kubectl pullgate doctor -n default"}},
		{"excluded", func(r *Record) {
			r.Namespace, r.Space.Value.Labels["kubernetes.io/metadata.name"] = "crm", "crm"
			r.lost("")
		}, NamespaceExcluded,
			[]string{`"path":"/webhooks/0/namespaceSelector/matchExpressions/0/values","value":["kube-system","pullgate-system"]`}},
		{"object selector", func(r *Record) {
			r.Webhook.Value.Webhooks[0].ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
		}, ObjectExcluded, []string{`{"op":"remove","path":"/webhooks/0/objectSelector"}`}},
		{"no service", func(r *Record) {
			r.Service = read[*corev1.Service](nil, absent("services"))
			r.lost(`service "pullgate" not found`)
		}, ServiceMissing,
			[]string{"[change] kubectl -n pullgate-system expose deployment pullgate --port=443 --target-port=webhook && kubectl -n pullgate-system annotate service pullgate meta.helm.sh/release-name=gate meta.helm.sh/release-namespace=ops"}},
		{"target port", func(r *Record) { r.Service.Value.Spec.Ports[0].TargetPort = intstr.FromInt32(9444) }, WrongPort,
			[]string{`[{"op":"replace","path":"/spec/ports/0/targetPort","value":"webhook"}]`}},
		{"port", func(r *Record) { r.Service.Value.Spec.Ports[0].Port = 8443 }, WrongPort,
			[]string{`[{"op":"replace","path":"/webhooks/0/clientConfig/service/port","value":8443}]`}},
		{"selector", func(r *Record) { r.Service.Value.Spec.Selector = map[string]string{"app": "x"} }, WrongSelector,
			[]string{`"value":{"app.kubernetes.io/instance":"pullgate","app.kubernetes.io/name":"pullgate"}`}},
		{"scaled", func(r *Record) { none := int32(0); r.Deployment.Value.Spec.Replicas, r.Pods.Value.Items = &none, nil }, NoReplica,
			[]string{"[change] kubectl -n pullgate-system scale deployment/pullgate --replicas=2"}},
		{"image", func(r *Record) {
			r.Pods.Value.Items[0].Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off"},
			}}}}
		}, NotReady, []string{"pullgate-1: ImagePullBackOff: Back-off", "[look] kubectl pullgate explain pod/pullgate-1 -n pullgate-system"}},
		{"firewall", func(r *Record) {
			r.Reach = errors.New("error trying to reach service: dial tcp 10.68.0.4:9443: i/o timeout")
			r.Policies = read(&networkingv1.NetworkPolicyList{Items: []networkingv1.NetworkPolicy{{ObjectMeta: metav1.ObjectMeta{Name: "strict"}}}}, nil)
		}, NoRoute, []string{"NetworkPolicies for the replicas: strict", "--set webhook.port=10250", "--set hostNetwork=true"}},
		{"firewall in words", func(r *Record) { r.lost("context deadline exceeded") }, NoRoute, []string{"--set webhook.port=10250"}},
		{"refused", func(r *Record) { r.Reach = errors.New("dial tcp 10.68.0.4:9443: connect: connection refused") }, WrongPort, []string{"get endpointslices"}},
		{"resolve", func(r *Record) { r.lost("dial tcp: lookup nowhere.example: no such host") }, NameNotResolved, []string{"DNS"}},
		{"a stranger", func(r *Record) { r.lost("the server has asked for the client to provide credentials") }, CallerRefused, []string{"docs/install.md"}},
		{"a stranger's certificate", func(r *Record) { r.lost("remote error: tls: unknown certificate authority") }, CallerRefused, []string{"docs/install.md"}},
		{"another authority", func(r *Record) { chain := r.Served; r.serve(t, now, now.AddDate(1, 0, 0), host); r.Served = chain }, Untrusted,
			[]string{"[change] kubectl -n pullgate-system rollout restart deployment/pullgate"}},
		{"no bundle", func(r *Record) { r.Webhook.Value.Webhooks[0].ClientConfig.CABundle = nil }, Untrusted, []string{"has no caBundle"}},
		{"rubbish", func(r *Record) { r.Webhook.Value.Webhooks[0].ClientConfig.CABundle = []byte("rubbish") }, Untrusted, []string{"holds no certificate"}},
		{"expired", func(r *Record) { r.serve(t, now.AddDate(-1, 0, 0), now.Add(-time.Hour), host) }, Expired,
			[]string{"[destroy] kubectl -n pullgate-system delete secret pullgate-certs"}},
		{"not yet valid", func(r *Record) { r.serve(t, now.Add(time.Hour), now.AddDate(1, 0, 0), host) }, ClockWrong, []string{"not valid yet", "delete secret pullgate-certs"}},
		{"not yet valid in words", func(r *Record) {
			r.Served = nil
			r.lost("tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-01T14:00:00Z is before 2026-11-02T14:00:00Z")
		}, ClockWrong, nil},
		{"another name", func(r *Record) { r.serve(t, now.Add(-time.Hour), now.AddDate(1, 0, 0), "other.svc") }, WrongName, []string{host}},
		{"own clock", func(r *Record) { r.Clocks.Here = now.Add(time.Hour) }, ClockWrong, []string{"1h0m1s ahead of", "[change] sudo timedatectl set-ntp true"}},
		{"in silence", func(r *Record) {
			r.Counts = read(Counts{FailedOpen: map[string]float64{"podtemplates.pullgate.dev": 1}}, nil)
			r.lost("")
		}, DidNotComeBy, []string{"fail_open_count", "[look] kubectl -n pullgate-system logs deployment/pullgate"}},
		{"left out", func(r *Record) {
			r.Counts = read(Counts{Left: map[string]float64{"podtemplates.pullgate.dev": 1}}, nil)
			r.lost("")
		}, ObjectExcluded, []string{"a match condition of podtemplates.pullgate.dev left it out"}},
		{"rights", func(r *Record) { r.Rights[0].Missing = []string{"get"}; r.Rights[4].Missing = []string{"patch"} }, RightMissing, []string{
			"pullgate-system:pullgate lacks rights for pull-secrets, ca-bundle",
			"kubectl -n shop create role pullgate-doctor-pull-secrets --verb=get --resource=secrets && kubectl -n shop create rolebinding pullgate-doctor-pull-secrets --role=pullgate-doctor-pull-secrets --serviceaccount=pullgate-system:pullgate",
			"--verb=patch --resource=validatingwebhookconfigurations.admissionregistration.k8s.io --resource-name=pullgate",
		}},
		{"profile", func(r *Record) { r.Profiles = Profiles{Wanted: true, Missing: []string{"node-b"}} }, ProfileMissing,
			[]string{"[change] sudo pullgate node-profile --node node-b > node-b.yaml"}},
		{"profile of the DaemonSet", func(r *Record) {
			r.Settings.Value.Nodes.ProfilesNamespace = "pullgate-system"
			r.Profiles = Profiles{Wanted: true, Missing: []string{"node-b"}}
		}, ProfileMissing, []string{"[change] kubectl -n pullgate-system rollout restart daemonset/pullgate-node-profile"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			record := well(t)
			test.change(record)
			diagnosis := judge(record, "https://cluster.example")
			var code Code
			for _, check := range diagnosis.Checks {
				if check.State == Wrong {
					code = check.Code
					break
				}
			}
			var text strings.Builder
			if err := diagnosis.WriteText(&text, Style{}); err != nil {
				t.Fatal(err)
			}
			if code != test.code || (diagnosis.State == Fine) != (test.code == "") {
				t.Errorf("%s, %s first, want %s:\n%s", diagnosis.State, code, test.code, text.String())
			}
			for _, want := range test.wants {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no %q in\n%s", want, text.String())
				}
			}
		})
	}
}

// TestUntold: what may not be read is no problem, and no reason to say that all is
// well.
func TestUntold(t *testing.T) {
	record := well(t)
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "podtemplates"}, "", errors.New(`User "anna" cannot create resource`))
	record.Runs = []Run{{Kind: "PodTemplate", Entry: "podtemplates.pullgate.dev", Err: forbidden}}
	record.Service = read[*corev1.Service](nil, forbidden)
	diagnosis := judge(record, "")
	if diagnosis.State != Untold {
		t.Errorf("it is %s", diagnosis.State)
	}
	record.Runs[0].Err = errors.New(`admission webhook "podtemplates.pullgate.dev" denied the request: tag not found`)
	if diagnosis := judge(record, ""); diagnosis.State != Fine {
		t.Errorf("a refusal by Pullgate is its answer, but it is %s", diagnosis.State)
	}
	record.Runs[0].Err = errors.New(`admission webhook "other.example" denied the request: no`)
	if diagnosis := judge(record, ""); diagnosis.State != Untold {
		t.Errorf("a refusal by another says nothing of Pullgate, but it is %s", diagnosis.State)
	}
}

// TestCodesAreDocumented: the page has each of them.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range Codes() {
		if !strings.Contains(string(page), "| `"+string(code)+"` |") {
			t.Errorf("docs/doctor.md has no %s", code)
		}
	}
}
