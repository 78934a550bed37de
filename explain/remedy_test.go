package explain

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// TestKeepers: what applies an object from elsewhere is known by its marks, or by
// its field manager, and where to change what it applies is named.
func TestKeepers(t *testing.T) {
	type marks = map[string]string
	for _, test := range []struct {
		name          string
		labels, notes marks
		manager       string
		want          keeper
	}{
		{"Argo CD", nil, marks{"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, "", keeper{"Argo CD", "in the source of its Application shop"}},
		{"Argo CD by a label", marks{"argocd.argoproj.io/instance": "shop"}, nil, "", keeper{"Argo CD", "in the source of its Application shop"}},
		{"Argo CD by its manager", nil, nil, "argocd-controller", keeper{"Argo CD", "in the source of its Application"}},
		{"Flux", marks{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, nil, "", keeper{"Flux", "in the source of Kustomization flux-system/apps"}},
		{"Flux's Helm", marks{"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "shop"}, marks{"meta.helm.sh/release-name": "shop"}, "", keeper{"Flux", "by the values of HelmRelease shop/shop"}},
		{"Flux by its manager", nil, nil, "kustomize-controller", keeper{"Flux", "in the source of its Kustomization"}},
		{"Helm", nil, marks{"meta.helm.sh/release-name": "shop"}, "", keeper{"Helm", "by the values of release shop"}},
		{"a person", nil, nil, "kubectl-edit", keeper{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			meta := &metav1.ObjectMeta{Labels: test.labels, Annotations: test.notes, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: test.manager}}}
			if got := keeperOf(meta); got != test.want {
				t.Errorf("got %+v", got)
			}
			r := recordOf(waitingPod("ErrImagePull", notFound))
			r.Owner, r.OwnerMeta = workload.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}, meta
			commands := commandsOf(Explain(r, resultOf(pull.TagNotFound)))
			if kept := !strings.Contains(commands, "kubectl set image"); kept != (test.want.tool != "") {
				t.Errorf("got %s", commands)
			}
		})
	}
}

// commandsOf are the texts and commands of an explanation's remedies, a line each.
func commandsOf(e *Explanation) string {
	var all strings.Builder
	for _, remedy := range e.Remedies {
		all.WriteString(remedy.Text + ": " + remedy.Command + "\n")
	}
	return all.String()
}

// TestLogins: a pull secret is made where the Pod looks for it, and not behind the
// back of what makes it.
func TestLogins(t *testing.T) {
	yes := true
	external := Part{Kind: "Secret", Meta: metav1.ObjectMeta{Name: "regcred", OwnerReferences: []metav1.OwnerReference{{Kind: "ExternalSecret", Name: "registry", Controller: &yes}}}}
	helms := Part{Kind: "ServiceAccount", Meta: metav1.ObjectMeta{Name: "default", Annotations: map[string]string{"meta.helm.sh/release-name": "shop"}}}
	rejected := []pull.Attempt{{Source: pull.Secret("shop", "regcred"), Outcome: pull.Rejected}}
	for _, test := range []struct {
		name    string
		reason  pull.Reason
		listed  string
		parts   []Part
		tried   []pull.Attempt
		want    string
		without string
	}{
		{"none", pull.CredentialsRequired, "", nil, nil, "kubectl patch serviceaccount default -n shop", "kubectl patch deployment"},
		{"one for another registry", pull.CredentialsRequired, "other", nil, nil, `kubectl patch deployment web -n shop -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"NAME"}]}}}}'`, "serviceaccount"},
		{"an account that Helm keeps", pull.CredentialsRequired, "", []Part{helms}, nil, "Helm owns ServiceAccount default: add the secret to its imagePullSecrets by the values of release shop", "kubectl patch"},
		{"refused", pull.CredentialsRejected, "regcred", nil, rejected, "kubectl create secret docker-registry regcred -n shop --docker-server=reg.example.com", "NAME"},
		{"refused, and made by an operator", pull.CredentialsRejected, "regcred", []Part{external}, rejected, "ExternalSecret registry makes secret regcred: renew it there", "kubectl create"},
		{"malformed", pull.PullSecretMalformed, "regcred", nil, nil, "kubectl create secret docker-registry regcred -n shop", "NAME"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := recordOf(waitingPod("ErrImagePull", "authorization failed"))
			r.Owner, r.Parts = workload.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}, test.parts
			if test.listed != "" {
				r.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: test.listed}}
			}
			results := resultOf(test.reason)
			results[0].Credentials = test.tried
			commands := commandsOf(Explain(r, results))
			if !strings.Contains(commands, test.want) || strings.Contains(commands, test.without) {
				t.Errorf("got %s", commands)
			}
		})
	}
}

// TestNeverLatest: no other tag is replaced by latest, be it the only one.
func TestNeverLatest(t *testing.T) {
	results := resultOf(pull.TagNotFound)
	results[0].Suggestions = []string{"reg.example.com/shop/web:latest"}
	e := Explain(recordOf(waitingPod("ErrImagePull", notFound)), results)
	if commands := commandsOf(e); strings.Contains(commands, "latest") || !strings.Contains(commands, "web=IMAGE") {
		t.Errorf("got %s", commands)
	}
}

// TestSomethingElse: a Pod that waits, and not for an image, is told what for.
func TestSomethingElse(t *testing.T) {
	condition := func(name corev1.PodConditionType, status corev1.ConditionStatus, message string) []corev1.PodCondition {
		return []corev1.PodCondition{{Type: name, Status: status, Message: message, LastTransitionTime: metav1.NewTime(now.Add(-time.Minute))}}
	}
	mount := event("FailedMount", "configmap \"x\" not found", time.Minute, 3)
	mount.Type = corev1.EventTypeWarning
	for _, test := range []struct {
		name       string
		conditions []corev1.PodCondition
		events     []corev1.Event
		state      State
		answer     string
	}{
		{"a volume", condition(corev1.PodReadyToStartContainers, "False", ""), []corev1.Event{mount}, Healthy, "nothing is the matter with its images; it waits for something else"},
		{"a node", condition(corev1.PodScheduled, "False", "0/3 nodes are available"), nil, Healthy, "nothing is the matter with its images; no node takes it"},
		{"nobody says", condition(corev1.PodReadyToStartContainers, "False", ""), nil, Unknown, "node node-a has not made the Pod's sandbox for 1m0s, and only it knows why"},
		{"nobody says of its image", condition(corev1.PodReadyToStartContainers, "True", ""), nil, Unknown, "node node-a has said nothing of " + image + " for 1m0s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := waitingPod("ContainerCreating", "")
			pod.Status.Conditions = test.conditions
			if e := Explain(recordOf(pod, test.events...), resultOf(pull.ReasonPullable)); e.State != test.state || !strings.HasPrefix(e.Answer, test.answer) {
				t.Errorf("got %s[%s]: %s", e.State, e.Code, e.Answer)
			}
		})
	}
}
