package doctor

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/pullgate/pullgate/probe"
)

// noImage is what dry runs ask for. It is no image's name, so that no registry is
// asked, and every mode has something to say.
const noImage = "pullgate.dev//doctor"

// hearing is what Pullgate answered to dry runs, by their tokens.
type hearing struct {
	mu      sync.Mutex
	answers map[string]probe.Answer
}

// HandleWarningHeaderWithContext takes up the warnings that come with an answer.
func (h *hearing) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	answer, ok := probe.Read(text)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answers == nil {
		h.answers = map[string]probe.Answer{}
	}
	h.answers[answer.Token] = answer
}

// of returns the answer to a token; nil: there is none.
func (h *hearing) of(token string) *probe.Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if answer, ok := h.answers[token]; ok {
		return &answer
	}
	return nil
}

// trial is a dry run to be made.
type trial struct {
	kind, group, resource string
	create                func(ctx context.Context, client kubernetes.Interface, meta metav1.ObjectMeta, spec corev1.PodSpec) error
}

// trials are one for each entry of the chart's configuration that can be asked
// about an object that is not there. The first needs the least: a PodTemplate
// runs nothing, whoever may create one.
func trials() []trial {
	how := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: "pullgate-doctor"}
	labels := map[string]string{"app": "pullgate-doctor"}
	template := func(spec corev1.PodSpec) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec}
	}
	return []trial{
		{"PodTemplate", "", "podtemplates", func(ctx context.Context, client kubernetes.Interface, meta metav1.ObjectMeta, spec corev1.PodSpec) error {
			_, err := client.CoreV1().PodTemplates(meta.Namespace).Create(ctx, &corev1.PodTemplate{ObjectMeta: meta, Template: template(spec)}, how)
			return err
		}},
		{"Pod", "", "pods", func(ctx context.Context, client kubernetes.Interface, meta metav1.ObjectMeta, spec corev1.PodSpec) error {
			_, err := client.CoreV1().Pods(meta.Namespace).Create(ctx, &corev1.Pod{ObjectMeta: meta, Spec: spec}, how)
			return err
		}},
		{"Deployment", "apps", "deployments", func(ctx context.Context, client kubernetes.Interface, meta metav1.ObjectMeta, spec corev1.PodSpec) error {
			_, err := client.AppsV1().Deployments(meta.Namespace).Create(ctx, &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template(spec),
			}}, how)
			return err
		}},
		{"CronJob", "batch", "cronjobs", func(ctx context.Context, client kubernetes.Interface, meta metav1.ObjectMeta, spec corev1.PodSpec) error {
			once := template(spec)
			once.Spec.RestartPolicy = corev1.RestartPolicyNever
			_, err := client.BatchV1().CronJobs(meta.Namespace).Create(ctx, &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{
				Schedule: "@yearly", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: once}},
			}}, how)
			return err
		}},
	}
}

// podSpec is one that Pod Security's restricted standard admits.
func podSpec() corev1.PodSpec {
	yes, no := true, false
	return corev1.PodSpec{
		AutomountServiceAccountToken: &no,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{Name: "doctor", Image: noImage, SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}}},
	}
}

// dryRuns has the API server try to create one object of each kind, all at once:
// under failurePolicy Fail it waits for each as long as for a webhook.
func dryRuns(ctx context.Context, config *rest.Config, namespace string, called *admissionv1.ValidatingWebhookConfiguration) ([]Run, error) {
	heard := &hearing{}
	config = rest.CopyConfig(config)
	config.WarningHandlerWithContext = heard
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, len(trials()))
	var all sync.WaitGroup
	for i, one := range trials() {
		all.Go(func() {
			token := strings.ToLower(rand.Text())
			meta := metav1.ObjectMeta{Name: "pullgate-doctor-" + token[:10], Namespace: namespace, Labels: map[string]string{probe.Label: token}}
			err := one.create(ctx, client, meta, podSpec())
			runs[i] = Run{Kind: one.kind, Entry: entryFor(called, one.group, one.resource), Answer: heard.of(token), Err: err}
		})
	}
	all.Wait()
	return runs, nil
}

// entryFor is the name of the entry that asks about a resource; empty: none does.
func entryFor(called *admissionv1.ValidatingWebhookConfiguration, group, resource string) string {
	if called == nil {
		return ""
	}
	for i := range called.Webhooks {
		for _, rule := range called.Webhooks[i].Rules {
			if slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource) {
				return called.Webhooks[i].Name
			}
		}
	}
	return ""
}
