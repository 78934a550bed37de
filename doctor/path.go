package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pullgate/pullgate/policy"
	"github.com/pullgate/pullgate/probe"
)

// edit is one operation of a JSON patch.
type edit struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// patch is the command that makes edits. Whatever is in it comes from an API
// server, which takes no quotes in names; in values they are encoded.
func (r *Record) patch(object string, edits []edit) string {
	text, err := json.Marshal(edits)
	if err != nil {
		return r.Kubectl + " edit " + object
	}
	return fmt.Sprintf("%s patch %s --type=json -p '%s'", r.Kubectl, object, strings.ReplaceAll(string(text), "'", `\u0027`))
}

// own is the command kubectl for Pullgate's own namespace.
func (r *Record) own() string { return r.Kubectl + " -n " + r.Target.Namespace }

// checkWebhook looks whether there is a configuration that has API servers call.
func checkWebhook(r *Record) Check {
	called := r.Webhook.Value
	switch {
	case errors.Is(r.Webhook.Err, errNoConfiguration):
		return wrong(NotInstalled, "%v: no API server asks it", r.Webhook.Err).
			fill("install it, or have Helm put it back", "helm upgrade --install RELEASE CHART --namespace NAMESPACE --reuse-values")
	case r.Webhook.Err != nil:
		return untold("the webhook configuration cannot be read: %v", r.Webhook.Err)
	case len(called.Webhooks) == 0:
		return wrong(NotInstalled, "%s has no entries: no API server asks Pullgate", called.Name).
			fill("have Helm put them back", "helm upgrade RELEASE CHART --namespace NAMESPACE --reuse-values")
	}
	policies := map[string]bool{}
	for i := range called.Webhooks {
		if given := called.Webhooks[i].FailurePolicy; given != nil {
			policies[string(*given)] = true
		}
	}
	return fine("%s has %d entries, failurePolicy %s", called.Name, len(called.Webhooks), strings.Join(slices.Sorted(maps.Keys(policies)), " and "))
}

// checkNamespace looks whether the configuration leaves the namespace out, or the
// dry run itself.
func checkNamespace(r *Record) Check {
	if r.Space.Err != nil || r.Webhook.Err != nil {
		return untold("not looked at: %v", errors.Join(r.Space.Err, r.Webhook.Err))
	}
	var edits []edit
	var left []string
	var reason metav1.LabelSelectorRequirement
	for i := range r.Webhook.Value.Webhooks {
		entry := &r.Webhook.Value.Webhooks[i]
		if !matches(entry.ObjectSelector, map[string]string{probe.Label: ""}) {
			return wrong(ObjectExcluded, "the objectSelector of %s leaves objects out", entry.Name).
				look("see it", r.Kubectl+" get validatingwebhookconfiguration "+r.Webhook.Value.Name+" -o yaml").
				change("take it away", r.patch("validatingwebhookconfiguration "+r.Webhook.Value.Name, []edit{{Op: "remove", Path: fmt.Sprintf("/webhooks/%d/objectSelector", i)}}))
		}
		for j, required := range requirements(entry.NamespaceSelector) {
			if matches(&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{required}}, r.Space.Value.Labels) {
				continue
			}
			reason = required
			left = append(left, entry.Name)
			edits = append(edits, edit{"replace", fmt.Sprintf("/webhooks/%d/namespaceSelector/matchExpressions/%d/values", i, j), without(required.Values, r.Namespace)})
		}
	}
	if len(left) == 0 {
		return fine("%s is not left out", r.Namespace)
	}
	return excluded(r, reason, edits).because("left out by " + strings.Join(slices.Compact(left), ", "))
}

// excluded says which requirement leaves the namespace out.
func excluded(r *Record, by metav1.LabelSelectorRequirement, edits []edit) Check {
	switch own := r.Target.Namespace; {
	case by.Key == policy.ModeLabel:
		return wrong(NamespaceExcluded, "namespace %s has the label %s=%s, so that Pullgate is never asked there", r.Namespace, by.Key, r.Space.Value.Labels[by.Key]).
			change("take the label away", fmt.Sprintf("%s label namespace %s %s-", r.Kubectl, r.Namespace, by.Key))
	case by.Key != corev1.LabelMetadataName:
		return wrong(NamespaceExcluded, "the namespaceSelector (%s %s %s) leaves namespace %s out", by.Key, by.Operator, strings.Join(by.Values, ","), r.Namespace).
			look("see the namespace's labels", fmt.Sprintf("%s get namespace %s --show-labels", r.Kubectl, r.Namespace))
	case slices.Contains([]string{"kube-system", "kube-node-lease", own}, r.Namespace):
		return wrong(NamespaceExcluded, "namespace %s is always left out, so that neither the cluster's start nor Pullgate's waits for Pullgate", r.Namespace).
			look("look at another one", fmt.Sprintf("%s pullgate doctor -n default", r.Kubectl))
	default:
		return wrong(NamespaceExcluded, "namespace %s is left out by the namespaceSelector, as the chart's webhook.excludedNamespaces says", r.Namespace).
			advise("take it out of webhook.excludedNamespaces, or the next upgrade leaves it out again").
			change("and at once", r.patch("validatingwebhookconfiguration "+r.Webhook.Value.Name, edits))
	}
}

// matches tells whether labels fit a selector; none fits all.
func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	if selector == nil {
		return true
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// requirements are a selector's expressions, and after them its labels as such.
func requirements(selector *metav1.LabelSelector) []metav1.LabelSelectorRequirement {
	if selector == nil {
		return nil
	}
	all := slices.Clone(selector.MatchExpressions)
	for _, key := range slices.Sorted(maps.Keys(selector.MatchLabels)) {
		all = append(all, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{selector.MatchLabels[key]}})
	}
	return all
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(value string) bool { return value == one })
}

// checkService looks whether the Service is there, and leads to the replicas.
func checkService(r *Record) Check {
	switch held := r.Service.Value; {
	case r.Target.URL != "":
		return fine("none: API servers call %s", r.Target.URL)
	case r.Target.Service == "":
		return untold("it is not known which one is called")
	case missing(r.Service.Err):
		return noService(r)
	case r.Service.Err != nil:
		return untold("%s/%s cannot be read: %v", r.Target.Namespace, r.Target.Service, r.Service.Err)
	case held.Spec.Type == corev1.ServiceTypeExternalName:
		return fine("%s/%s leads to %s", held.Namespace, held.Name, held.Spec.ExternalName)
	default:
		return pieces(r)
	}
}

// noService says how to make the Service.
func noService(r *Record) Check {
	check := wrong(ServiceMissing, "service %s/%s, which the webhook configuration calls, is not there", r.Target.Namespace, r.Target.Service)
	if running := programOf(r); r.Deployment.Err == nil {
		made := fmt.Sprintf("%s expose deployment %s --port=%d --target-port=%s", r.own(), r.Target.Service, r.Target.Port, portText(running))
		check = check.change("make it", made+asHelms(r))
	}
	return check.fill("better, have Helm put it back", "helm upgrade RELEASE CHART --namespace "+r.Target.Namespace+" --reuse-values")
}

// asHelms gives the Service to the Helm release that has the Deployment, which
// would not touch it otherwise; empty where none has.
func asHelms(r *Record) string {
	const name, namespace = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
	has := r.Deployment.Value.Annotations
	if has[name] == "" {
		return ""
	}
	return fmt.Sprintf(" && %s annotate service %s %s=%s %s=%s", r.own(), r.Target.Service, name, has[name], namespace, has[namespace])
}

// pieces looks at the Service's port and selector.
func pieces(r *Record) Check {
	held := r.Service.Value
	if check, ok := entryPorts(r); !ok {
		return check
	}
	port, running := portFor(r), programOf(r)
	if running.container() != nil && !leads(port.TargetPort, running) {
		index := slices.IndexFunc(held.Spec.Ports, func(one corev1.ServicePort) bool { return one.Port == port.Port })
		return wrong(WrongPort, "service %s/%s leads port %d to %s, and the replicas listen at %d", held.Namespace, held.Name, port.Port, port.TargetPort.String(), running.port()).
			change("lead it there", r.patch(fmt.Sprintf("service %s -n %s", held.Name, held.Namespace),
				[]edit{{"replace", fmt.Sprintf("/spec/ports/%d/targetPort", index), portText(running)}}))
	}
	if pods := ownPods(r); len(pods) > 0 && !matches(&metav1.LabelSelector{MatchLabels: held.Spec.Selector}, pods[0].Labels) {
		return wrong(WrongSelector, "the selector of service %s/%s (%s) is not for the replicas, such as %s", held.Namespace, held.Name, labels.Set(held.Spec.Selector), pods[0].Name).
			change("select them", r.patch(fmt.Sprintf("service %s -n %s", held.Name, held.Namespace), []edit{{"replace", "/spec/selector", selectorOf(pods[0])}}))
	}
	return fine("%s/%s leads port %d to the replicas' %s", held.Namespace, held.Name, port.Port, port.TargetPort.String())
}

// entryPorts looks whether all entries call a port that the Service has.
func entryPorts(r *Record) (Check, bool) {
	held := r.Service.Value
	var edits []edit
	var wrongPort int32
	for i := range r.Webhook.Value.Webhooks {
		target := targetOf(&r.Webhook.Value.Webhooks[i])
		if target.Service == held.Name && !slices.ContainsFunc(held.Spec.Ports, func(one corev1.ServicePort) bool { return one.Port == target.Port }) {
			wrongPort = target.Port
			edits = append(edits, edit{"replace", fmt.Sprintf("/webhooks/%d/clientConfig/service/port", i), servingPort(held, programOf(r))})
		}
	}
	if len(edits) == 0 {
		return Check{}, true
	}
	return wrong(WrongPort, "the webhook configuration calls port %d, which service %s/%s has not", wrongPort, held.Namespace, held.Name).
		change("call the one that it has", r.patch("validatingwebhookconfiguration "+r.Webhook.Value.Name, edits)), false
}

// servingPort is the Service's port that leads to where replicas listen.
func servingPort(held *corev1.Service, running program) int32 {
	for _, one := range held.Spec.Ports {
		if leads(one.TargetPort, running) || one.Name == "webhook" {
			return one.Port
		}
	}
	return 443
}

// leads tells whether a target port is where the replicas listen.
func leads(to intstr.IntOrString, running program) bool {
	if to.Type == intstr.String {
		return to.StrVal == running.portName()
	}
	return to.IntVal == running.port()
}

// portText is the replicas' port by its name, if it has one.
func portText(running program) string {
	if name := running.portName(); name != "" {
		return name
	}
	return fmt.Sprint(running.port())
}

// selectorOf are the labels of a replica that do not change with a version.
func selectorOf(pod corev1.Pod) map[string]string {
	kept := map[string]string{}
	for _, key := range []string{productLabel, "app.kubernetes.io/instance"} {
		if value := pod.Labels[key]; value != "" {
			kept[key] = value
		}
	}
	return kept
}
