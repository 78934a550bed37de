package doctor

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// missing tells whether an API server says that something is not there.
func missing(err error) bool { return apierrors.IsNotFound(err) }

// checkReplicas looks whether somebody would answer.
func checkReplicas(r *Record) Check {
	pods := ownPods(r)
	switch {
	case r.Target.Service == "":
		return untold("it is not known where they are")
	case r.Pods.Err != nil:
		return untold("they cannot be read: %v", r.Pods.Err)
	case r.Deployment.Err == nil && r.Deployment.Value.Spec.Replicas != nil && *r.Deployment.Value.Spec.Replicas == 0:
		return wrong(NoReplica, "deployment %s/%s is scaled to none", r.Target.Namespace, r.Deployment.Value.Name).
			change("scale it", fmt.Sprintf("%s scale deployment/%s --replicas=2", r.own(), r.Deployment.Value.Name))
	case len(pods) == 0 && missing(r.Deployment.Err):
		return notFound(r)
	case len(pods) == 0:
		return wrong(NoReplica, "there is no Pod of Pullgate's in namespace %s", r.Target.Namespace).
			look("see why", fmt.Sprintf("%s describe deployment,replicaset -l %s=%s", r.own(), productLabel, product))
	}
	ready := 0
	var waiting []string
	for _, pod := range pods {
		if isReady(pod) {
			ready++
		} else {
			waiting = append(waiting, fmt.Sprintf("%s: %s", pod.Name, whyNot(pod)))
		}
	}
	switch {
	case ready == 0:
		return unready(r, pods[0]).because(waiting...)
	case len(waiting) > 0:
		return fine("%d of %d are ready", ready, len(pods)).because(waiting...)
	default:
		return fine("%d, all ready", ready)
	}
}

// notFound is for a Pullgate that no Deployment runs, as far as is known.
func notFound(r *Record) Check {
	if r.Service.Err == nil && r.Service.Value.Spec.Type == corev1.ServiceTypeExternalName {
		return untold("service %s/%s leads out of the cluster", r.Target.Namespace, r.Target.Service)
	}
	return wrong(NoReplica, "there is neither a deployment %s nor a Pod of Pullgate's in namespace %s", r.Target.Service, r.Target.Namespace).
		fill("have Helm put it back", "helm upgrade RELEASE CHART --namespace "+r.Target.Namespace+" --reuse-values").
		destroy("or, if Pullgate is not to come back, have no API server ask it", r.Kubectl+" delete validatingwebhookconfiguration "+r.Webhook.Value.Name)
}

// unready says what keeps replicas from being ready, by one of them.
func unready(r *Record, pod corev1.Pod) Check {
	check := wrong(NotReady, "none of Pullgate's replicas is ready").
		look("see why", fmt.Sprintf("%s describe pod %s", r.own(), pod.Name))
	switch reason := waitingFor(pod); {
	case strings.Contains(reason, "Image"):
		return check.look("see what is the matter with its image", fmt.Sprintf("%s pullgate explain pod/%s -n %s", r.Kubectl, pod.Name, pod.Namespace))
	case r.Deployment.Err == nil && r.Deployment.Value.Status.ObservedGeneration > 1:
		check = check.look("see what it said", fmt.Sprintf("%s logs %s --tail=20", r.own(), pod.Name))
		return check.change("if it began with a change, take that back", fmt.Sprintf("%s rollout undo deployment/%s", r.own(), r.Deployment.Value.Name))
	default:
		return check.look("see what it said", fmt.Sprintf("%s logs %s --tail=20", r.own(), pod.Name))
	}
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// waitingFor is why a container does not run; empty: it does.
func waitingFor(pod corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if status.State.Waiting != nil {
			return status.State.Waiting.Reason
		}
	}
	return ""
}

// whyNot is why a Pod is not ready, in the kubelet's or the scheduler's words.
func whyNot(pod corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if waiting := status.State.Waiting; waiting != nil {
			return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Status == corev1.ConditionFalse && condition.Message != "" {
			return condition.Message
		}
	}
	return string(pod.Status.Phase)
}

// checkRoute looks whether an API server can connect to a replica.
func checkRoute(r *Record) Check {
	switch {
	case r.Target.Service == "" || r.Service.Err != nil:
		return untold("not tried: there is no Service to go through")
	case r.Service.Value.Spec.Type == corev1.ServiceTypeExternalName:
		return untold("not tried: service %s/%s leads out of the cluster", r.Target.Namespace, r.Target.Service)
	case r.Reach == nil:
		return fine("an API server reached a replica through service %s/%s", r.Target.Namespace, r.Target.Service)
	case apierrors.IsForbidden(r.Reach):
		return untold("you may not have an API server connect (get services/proxy in namespace %s)", r.Target.Namespace)
	}
	words := wordsOf(r.Reach)
	switch code := codeOf(words); code {
	case NoRoute:
		return noRoute(r).because("an API server said: " + words)
	case WrongPort, NotReady:
		return wrong(code, "an API server was turned away where service %s/%s leads", r.Target.Namespace, r.Target.Service).because("an API server said: "+words).
			look("see where it leads", fmt.Sprintf("%s get endpointslices -l kubernetes.io/service-name=%s", r.own(), r.Target.Service))
	default:
		return untold("an API server said: %s", words)
	}
}

// wordsOf are what an API server said that is no Status of its own, such as what a
// proxy says, or the error.
func wordsOf(err error) string {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		for _, cause := range status.Status().Details.Causes {
			if cause.Type == metav1.CauseTypeUnexpectedServerResponse {
				return cause.Message
			}
		}
	}
	return err.Error()
}

// noRoute says what may be in between.
func noRoute(r *Record) Check {
	port := programOf(r).port()
	check := wrong(NoRoute, "API servers get no answer from the replicas' port %d: a firewall, a NetworkPolicy, or no way to the Pods' network", port)
	if names := policiesFor(r); len(names) > 0 {
		check = check.because("NetworkPolicies for the replicas: "+strings.Join(names, ", ")).
			look("see whether they admit the API servers (the chart's networkPolicy.webhookFrom)", fmt.Sprintf("%s describe networkpolicy %s", r.own(), strings.Join(names, " ")))
	}
	if port != 443 && port != 10250 {
		check = check.fill("where a firewall lets control planes reach 443 and 10250 alone, as on private GKE, listen there", fmt.Sprintf("helm upgrade RELEASE CHART --namespace %s --reuse-values --set webhook.port=10250", r.Target.Namespace))
	}
	return check.fill("where control planes do not reach Pods, as on EKS with another CNI, give them their nodes' network",
		fmt.Sprintf("helm upgrade RELEASE CHART --namespace %s --reuse-values --set hostNetwork=true", r.Target.Namespace)).
		advise("docs/install.md has the values for such clusters")
}

// policiesFor are the NetworkPolicies that say who may connect to the replicas.
func policiesFor(r *Record) []string {
	pods := ownPods(r)
	if r.Policies.Err != nil || r.Policies.Value == nil || len(pods) == 0 {
		return nil
	}
	var names []string
	for i := range r.Policies.Value.Items {
		one := &r.Policies.Value.Items[i]
		ingress := len(one.Spec.PolicyTypes) == 0 || slices.Contains(one.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
		if ingress && matches(&one.Spec.PodSelector, pods[0].Labels) {
			names = append(names, one.Name)
		}
	}
	return names
}

// hostOf is the name that API servers expect in the certificate.
func hostOf(target Target) string {
	if target.URL == "" {
		return target.host()
	}
	parsed, err := url.Parse(target.URL)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}
