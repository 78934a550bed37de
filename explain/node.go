package explain

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/stuck"
)

// explainOnNode explains what no registry has a part in.
func explainOnNode(a *draft, s Symptom) {
	node := a.node()
	switch s.Cause {
	case NoSpace:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s has no room for %s", node, s.Image))
		a.do("see what fills the node", "kubectl describe node "+node, advice.Looks)
		a.onTheNode("remove the images that nothing uses", "crictl rmi --prune", advice.Destroys)
	case NotUnpacked:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("%s was pulled, and node %s cannot unpack it", s.Image, node))
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "push the image again with a current builder; if other nodes unpack it, node " + node + " or its disk is at fault"})
		retry(a)
	case PullRateOnNode:
		a.conclude(Healed, string(s.Cause), fmt.Sprintf("node %s pulled too many images at a time; the kubelet tries %s again by %s at the latest", node, s.Image, clock(nextTry(s, a.record.At))))
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "raise registryPullQPS and registryBurst in the kubelet's configuration, if it comes again"})
	case Sandbox:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s cannot get the image of its Pods' sandboxes%s", node, comma(s.Image)))
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "let the node reach the image, or correct its name in the configuration of the node's runtime; the kubelet tries again by itself within " + span(syncPeriod)})
		a.onTheNode("see which image the runtime's configuration names", "crictl info", advice.Looks)
	case SignatureRefused:
		a.conclude(Broken, string(s.Cause), fmt.Sprintf("node %s has a policy of signatures that refuses %s", node, s.Image))
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "sign the image as the node's policy wants it: /etc/containers/policy.json with CRI-O, the image verifiers of its configuration with containerd"})
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

// keepsSince is the release whose kubelets keep what they pulled with a pull
// secret from Pods without it (KEP-2535, feature gate
// KubeletEnsureSecretPulledImages).
var keepsSince = version.MustParseGeneric("1.35.0")

// explainKept explains an image that a node has and the Pod does not get.
func explainKept(a *draft, s Symptom, result *resolver.Result) {
	kubelet := kubeletOf(a.record.Node)
	switch {
	case kubelet != nil && kubelet.LessThan(keepsSince):
		explainHealed(a, s)
		return
	case kubelet == nil:
		a.conclude(Unknown, string(KeptFromPod), fmt.Sprintf("%s waits for %s, and a node has it: kubelets since 1.35 give it to Pods alone that have the pull secret with which it was pulled", subject(s), s.Image))
	default:
		a.conclude(Broken, string(KeptFromPod), fmt.Sprintf("node %s has %s, and gives it to Pods alone that have the pull secret with which it was pulled", a.node(), s.Image))
		a.evidence("worked out from the Node", fmt.Sprintf("its kubelet is %s, and KEP-2535 is on since 1.35", a.record.Node.Status.NodeInfo.KubeletVersion), time.Time{})
	}
	newSecret(a, result)
}

// kubeletOf is the version of a Node's kubelet; nil where it is not known.
func kubeletOf(node *corev1.Node) *version.Version {
	if node == nil {
		return nil
	}
	found, err := version.ParseGeneric(node.Status.NodeInfo.KubeletVersion)
	if err != nil {
		return nil
	}
	return found
}

// explainHanging explains a pull of which nothing came: it waits behind another, or
// only the node knows.
func explainHanging(a *draft, s Symptom) {
	node, since := a.node(), span(a.record.At.Sub(s.At))
	if other, ok := ahead(a, s.At); ok {
		a.conclude(Unknown, string(Queued), fmt.Sprintf("%s waits on node %s behind %s of Pod %s, which is still being pulled, unless the node pulls several at a time: only it knows", s.Image, node, other.image, other.pod))
		a.evidence("an event of the other Pod", "Pulling image "+quoted(other.image), other.since)
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "wait for it, or set serializeImagePulls: false in the kubelet's configuration"})
		a.do("see whether the kubelet pulls one after the other (serializeImagePulls, which is its default)", "kubectl get --raw /api/v1/nodes/"+node+"/proxy/configz", advice.Looks)
		a.do("see the other Pod", fmt.Sprintf("kubectl pullgate explain %s -n %s", advice.Word("pod/"+other.pod), advice.Word(other.namespace)), advice.Looks)
		return
	}
	text := fmt.Sprintf("node %s has been pulling %s for %s, and only it knows how far it is", node, s.Image, since)
	if s.Words == "" {
		text = fmt.Sprintf("node %s has said nothing of %s for %s: it pulls it, or waits for another, and only it knows", node, s.Image, since)
	}
	a.conclude(Unknown, string(Hanging), text)
	a.onTheNode("see what the node gets", "timeout 60 crictl pull "+advice.Word(s.Image), advice.Looks)
}

// pullAhead is a pull on the same node that began before and has not ended.
type pullAhead struct {
	namespace, pod, image string
	since                 time.Time
}

// ahead finds the one that began first. Where one that began later has ended, the
// node pulls several at a time.
func ahead(a *draft, of time.Time) (found pullAhead, ok bool) {
	under := map[types.UID]pullAhead{}
	var lastEnded time.Time // when the one began that began last of those that ended
	for i := range a.record.Pulls {
		e := &a.record.Pulls[i]
		if e.Source.Host != a.record.Pod.Spec.NodeName && e.ReportingInstance != a.record.Pod.Spec.NodeName {
			continue
		}
		about := e.InvolvedObject
		if e.Reason == "Pulling" {
			under[about.UID] = pullAhead{about.Namespace, about.Name, imageIn(e), stuck.Told(e)}
		} else {
			if ended := under[about.UID].since; ended.After(lastEnded) {
				lastEnded = ended
			}
			delete(under, about.UID)
		}
	}
	for _, pull := range under {
		if !pull.since.After(of) && (!ok || pull.since.Before(found.since)) {
			found, ok = pull, true
		}
	}
	return found, ok && !lastEnded.After(found.since)
}

// imageIn is the image that an event names.
func imageIn(e *corev1.Event) string {
	_, rest, _ := strings.Cut(e.Message, `"`)
	image, _, _ := strings.Cut(rest, `"`)
	return image
}

// eventsAbout are those of a Pod.
func eventsAbout(events []corev1.Event, pod *corev1.Pod) []corev1.Event {
	var found []corev1.Event
	for _, e := range events {
		if e.InvolvedObject.UID == pod.UID {
			found = append(found, e)
		}
	}
	return found
}

// whyRefused is why the API server refused to create a Pod, in its own words.
func whyRefused(words string) string {
	if _, why, found := strings.Cut(words, "is forbidden: "); found {
		words = why
	}
	return "the API server refuses to create one: " + words
}

var (
	quotaWords   = regexp.MustCompile(`exceeded quota: ([^,]+), requested: (\S+)`)
	accountWords = regexp.MustCompile(`serviceaccount "([^"]+)" not found`)
)

// letCreate adds what lets the Pods come to be. The controller waits longer after
// each refusal, up to a quarter of an hour; a new revision it tries at once.
func letCreate(a *draft, words string) {
	namespace := a.record.Object.Namespace
	switch {
	case quotaWords.MatchString(words):
		match := quotaWords.FindStringSubmatch(words)
		a.do("see the quota", "kubectl describe resourcequota -n "+namespace, advice.Looks)
		var hard []string
		for _, part := range strings.Split(strings.TrimSuffix(match[2], ","), ",") {
			name, _, _ := strings.Cut(part, "=")
			hard = append(hard, fmt.Sprintf(`%q:"COUNT"`, name))
		}
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "raise it, or remove Pods that use it up", Effect: advice.Changes,
			Command: fmt.Sprintf(`kubectl patch resourcequota %s -n %s --type=merge -p %s`, advice.Word(match[1]), namespace, advice.Word(`{"spec":{"hard":{`+strings.Join(hard, ",")+`}}}`))})
	case accountWords.MatchString(words):
		account := accountWords.FindStringSubmatch(words)[1]
		account = account[strings.LastIndex(account, "/")+1:]
		a.do("make the ServiceAccount", fmt.Sprintf("kubectl create serviceaccount %s -n %s", advice.Word(account), namespace), advice.Changes)
	case strings.Contains(words, "violates PodSecurity"):
		a.do("see which level the namespace enforces", "kubectl get namespace "+namespace+" --show-labels", advice.Looks)
	case strings.Contains(words, "admission webhook"):
		a.do("see the webhooks", "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations", advice.Looks)
	}
	if owner := a.owner(); owner.Kind == "Deployment" && !quotaWords.MatchString(words) { // for which it would be one Pod more
		a.do("make the controller try at once, by a new revision", fmt.Sprintf("kubectl rollout restart deployment/%s -n %s", owner.Name, owner.Namespace), advice.Changes)
	}
}
