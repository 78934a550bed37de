package explain

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// explainOnNode explains what no registry has a part in.
func explainOnNode(a *draft, s Symptom) {
	node := a.record.Pod.Spec.NodeName
	switch s.Cause {
	case NoSpace:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s has no room for %s", node, s.Image))
		a.do("see what fills the node", "kubectl describe node "+node, Looks)
		a.onTheNode("remove the images that nothing uses", "crictl rmi --prune", Destroys)
	case NotUnpacked:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("%s was pulled, and node %s cannot unpack it", s.Image, node))
		a.Remedies = append(a.Remedies, Remedy{Text: "push the image again with a current builder; if other nodes unpack it, the node's own copy is spoilt"})
		a.onTheNode("remove the node's copy, so that it is pulled anew", "crictl rmi "+s.Image, Destroys)
	case PullRateOnNode:
		a.conclude(Healed, string(s.Cause), fmt.Sprintf("node %s pulled too many images at a time; the kubelet tries %s again within %s", node, s.Image, maxBackOff))
		a.Remedies = append(a.Remedies, Remedy{Text: "raise registryPullQPS and registryBurst in the kubelet's configuration, if it comes again"})
	case Sandbox:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s cannot get the image of its Pods' sandboxes%s", node, comma(s.Image)))
		a.onTheNode("see which image the runtime's configuration names", "crictl info", Looks)
	case SignatureRefused:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s has a policy of signatures that refuses %s", node, s.Image))
		a.onTheNode("see the policy", "cat /etc/containers/policy.json", Looks)
	default:
		explainHanging(a, s)
	}
}

func comma(image string) string {
	if image == "" {
		return ""
	}
	return ", " + image
}

// explainHanging explains a pull of which nothing came: it waits behind another, or
// only the node knows.
func explainHanging(a *draft, s Symptom) {
	node := a.record.Pod.Spec.NodeName
	if other, ok := ahead(a, s.At); ok {
		a.conclude(Unknown, string(Queued), fmt.Sprintf("%s waits on node %s behind %s of Pod %s, which is still being pulled", s.Image, node, other.image, other.pod))
		a.evidence("an event of the other Pod", "Pulling image "+quoted(other.image), other.since)
		a.Remedies = append(a.Remedies, Remedy{Text: "wait for it, or set serializeImagePulls: false in the kubelet's configuration"})
		a.do("see the other Pod", fmt.Sprintf("kubectl pullgate explain pod/%s -n %s", other.pod, a.record.Pod.Namespace), Looks)
		return
	}
	a.conclude(Unknown, string(Hanging), fmt.Sprintf("node %s has been pulling %s for %s, and only it knows how far it is", node, s.Image, a.record.At.Sub(s.At).Round(time.Second)))
	a.onTheNode("see what the node gets", "crictl pull "+s.Image, Looks)
}

// ahead is a pull on the same node that began before and has not ended.
type pullAhead struct {
	pod, image string
	since      time.Time
}

func ahead(a *draft, of time.Time) (found pullAhead, ok bool) {
	under := map[string]pullAhead{}
	for i := range a.record.Pulls {
		e := &a.record.Pulls[i]
		if e.Source.Host != a.record.Pod.Spec.NodeName && e.ReportingInstance != a.record.Pod.Spec.NodeName {
			continue
		}
		if e.Reason == "Pulling" {
			under[e.InvolvedObject.Name] = pullAhead{e.InvolvedObject.Name, imageIn(e), eventTime(e)}
		} else {
			delete(under, e.InvolvedObject.Name)
		}
	}
	for _, pull := range under {
		if !pull.since.After(of) && (!ok || pull.since.Before(found.since)) {
			found, ok = pull, true
		}
	}
	return found, ok
}

// imageIn is the image that an event names.
func imageIn(e *corev1.Event) string {
	_, rest, _ := strings.Cut(e.Message, `"`)
	image, _, _ := strings.Cut(rest, `"`)
	return image
}

// explainNotCreated explains an object of which no Pod exists since its creation is
// refused, and tells whether it is one.
func explainNotCreated(a *draft) bool {
	if a.record.Pod != nil {
		return false
	}
	words, from, at := "", "", time.Time{}
	for _, c := range a.record.Conditions {
		if c.Type == "ReplicaFailure" || c.Reason == "FailedCreate" {
			words, from, at = c.Message, "the condition "+c.Type, c.At
		}
	}
	for i := range a.record.Events {
		if e := &a.record.Events[i]; e.Reason == "FailedCreate" {
			words, from, at = e.Message, "an event", eventTime(e)
		}
	}
	if words == "" {
		return false
	}
	a.evidence("the controller said ("+from+")", words, at)
	a.conclude(Broken, string(NotCreated), "no Pod exists: the API server refuses to create one")
	if worst := a.worstResult(); worst != nil {
		a.asked(worst)
		mend(a, worst)
	}
	if strings.Contains(words, "exceeded quota") {
		a.conclude(Broken, string(NotCreated), "no Pod exists: the namespace's quota is used up")
		a.do("see the quota", "kubectl describe resourcequota -n "+a.record.Object.Namespace, Looks)
	}
	return true
}
