package explain

import (
	"fmt"
	"strings"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// do adds a command that can be run as it stands.
func (a *draft) do(text, command string, effect advice.Effect) {
	a.Remedies = append(a.Remedies, advice.Remedy{Text: text, Command: command, Effect: effect, Applicable: true})
}

// onTheNode adds a command to be run on the node.
func (a *draft) onTheNode(text, command string, effect advice.Effect) {
	a.Remedies = append(a.Remedies, advice.Remedy{Text: text + " (on node " + a.node() + ")", Command: command, Effect: effect, Applicable: true})
}

func (a *draft) node() string {
	if a.record.Pod == nil || a.record.Pod.Spec.NodeName == "" {
		return "NODE"
	}
	return a.record.Pod.Spec.NodeName
}

// mend adds what to do about an image that cannot be pulled.
func mend(a *draft, result *resolver.Result) {
	if result.Hint != "" {
		a.Remedies = append(a.Remedies, advice.Remedy{Text: result.Hint})
	}
	switch result.Reason {
	case pull.TagNotFound, pull.RepositoryNotFound, pull.DigestNotFound, pull.InvalidImageName:
		anotherImage(a, result)
	case pull.NeverPresent:
		anotherPolicy(a, result)
	case pull.CredentialsRequired:
		newSecret(a, result)
	case pull.CredentialsRejected, pull.PullSecretMalformed:
		renew(a, result)
	default: // the hint says all
	}
}

// anotherImage changes the image where it is set.
func anotherImage(a *draft, result *resolver.Result) {
	image, applicable := "IMAGE", false
	for _, suggestion := range result.Suggestions {
		if !strings.HasSuffix(suggestion, ":latest") { // it is another tag for no reason, and moves
			image, applicable = suggestion, true
			break
		}
	}
	owner := a.owner()
	remedy := advice.Remedy{Text: "set the image", Effect: advice.Changes, Applicable: applicable}
	switch role := result.Image.Role; {
	case kept(a, result):
		return
	case role == workload.Volume && hasTemplate(owner.Kind):
		remedy.Command = patch(owner, "volumes", fmt.Sprintf(`{"name":%q,"image":{"reference":%q}}`, result.Image.Container, image))
	case role == workload.EphemeralContainer || role == workload.Volume || owner.Kind != "Pod" && !hasTemplate(owner.Kind):
		a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("make %s %s anew with another %s: it cannot be changed", owner.Kind, owner.Name, fieldOf(a, result))})
		return
	default:
		remedy.Command = fmt.Sprintf("kubectl set image %s/%s %s=%s -n %s", strings.ToLower(owner.Kind), owner.Name, result.Image.Container, image, owner.Namespace)
	}
	a.Remedies = append(a.Remedies, remedy)
}

// anotherPolicy lets the kubelet pull the image.
func anotherPolicy(a *draft, result *resolver.Result) {
	owner := a.owner()
	list := map[workload.Role]string{workload.Container: "containers", workload.InitContainer: "initContainers"}[result.Image.Role]
	if kept(a, result) || list == "" || !hasTemplate(owner.Kind) {
		return
	}
	a.do("let nodes pull it", patch(owner, list, fmt.Sprintf(`{"name":%q,"imagePullPolicy":"IfNotPresent"}`, result.Image.Container)), advice.Changes)
}

// kept says where to change an object that something else keeps as it is, and
// tells whether there is such a thing.
func kept(a *draft, result *resolver.Result) bool {
	by, owner := keeperOf(a.ownerMeta()), a.owner()
	if by.tool == "" {
		return false
	}
	a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("%s owns %s %s: change %s %s", by.tool, owner.Kind, owner.Name, fieldOf(a, result), by.where)})
	return true
}

// hasTemplate tells of a kind whether its pod template can be changed.
func hasTemplate(kind string) bool {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob":
		return true
	default:
		return false
	}
}

// patch is the command that changes one element of a list in a pod template,
// which kubectl finds by its name.
func patch(owner workload.Object, list, element string) string {
	text := fmt.Sprintf(`{"spec":{"template":{"spec":{%q:[%s]}}}}`, list, element)
	if owner.Kind == "CronJob" {
		text = `{"spec":{"jobTemplate":` + text + `}}`
	}
	return fmt.Sprintf("kubectl patch %s %s -n %s -p '%s'", strings.ToLower(owner.Kind), owner.Name, owner.Namespace, text)
}

// fieldOf is where the image stands in what people change.
func fieldOf(a *draft, result *resolver.Result) string {
	rest, ofPod := strings.CutPrefix(result.Image.Field, "spec.")
	switch kind := a.owner().Kind; {
	case !ofPod || a.record.Pod == nil || kind == "Pod":
		return result.Image.Field
	case kind == "CronJob":
		return "spec.jobTemplate.spec.template.spec." + rest
	default:
		return "spec.template.spec." + rest
	}
}

// retry makes the kubelet try at once: a new Pod has no back-off (k/k#62788).
func retry(a *draft) {
	pod := a.record.Pod
	switch {
	case pod == nil || pod.Spec.NodeName == "" && a.record.Owner.Kind == "":
	case a.record.Owner.Kind != "":
		a.do("make the kubelet try at once, by a new Pod", fmt.Sprintf("kubectl delete pod %s -n %s", pod.Name, pod.Namespace), advice.Destroys)
	default:
		a.do("make the kubelet try at once, by the same Pod anew",
			fmt.Sprintf("kubectl get pod %s -n %s -o yaml | kubectl replace --force -f -", pod.Name, pod.Namespace), advice.Destroys)
	}
}
