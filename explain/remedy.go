package explain

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// do adds a command that can be run as it stands.
func (a *draft) do(text, command string, effect Effect) {
	a.Remedies = append(a.Remedies, Remedy{Text: text, Command: command, Effect: effect, Applicable: true})
}

// onTheNode adds a command to be run on the node.
func (a *draft) onTheNode(text, command string, effect Effect) {
	a.Remedies = append(a.Remedies, Remedy{Text: text + " (on node " + a.node() + ")", Command: command, Effect: effect, Applicable: true})
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
		a.Remedies = append(a.Remedies, Remedy{Text: result.Hint})
	}
	switch result.Reason {
	case pull.TagNotFound, pull.RepositoryNotFound, pull.DigestNotFound, pull.InvalidImageName:
		anotherImage(a, result)
	case pull.CredentialsRequired:
		newSecret(a, result)
	case pull.CredentialsRejected, pull.PullSecretMalformed:
		renew(a, result)
	default: // the hint says all
	}
}

// anotherImage changes the image where it is set. Another tool would undo a
// change of what it owns.
func anotherImage(a *draft, result *resolver.Result) {
	owner := a.owner()
	if tool := a.tool(); tool != "" {
		a.Remedies = append(a.Remedies, Remedy{Text: fmt.Sprintf("%s owns %s %s: change %s where it takes it from", tool, owner.Kind, owner.Name, fieldOf(a, result))})
		return
	}
	image, applicable := "IMAGE", false
	if len(result.Suggestions) > 0 {
		image, applicable = result.Suggestions[0], true
	}
	switch owner.Kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Pod":
		a.Remedies = append(a.Remedies, Remedy{
			Text: "set the image", Effect: Changes, Applicable: applicable,
			Command: fmt.Sprintf("kubectl set image %s/%s %s=%s -n %s", strings.ToLower(owner.Kind), owner.Name, result.Image.Container, image, owner.Namespace),
		})
	default:
		a.Remedies = append(a.Remedies, Remedy{Text: fmt.Sprintf("change %s of %s %s", fieldOf(a, result), owner.Kind, owner.Name)})
	}
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

// tool names what applies the object and would undo changes of it; empty: none
// is known.
func (a *draft) tool() string {
	meta := a.record.OwnerMeta
	if meta == nil {
		meta = a.record.Meta
	}
	if meta == nil {
		return ""
	}
	for _, mark := range []struct {
		tool, key string
		in        map[string]string
	}{
		{"Argo CD", "argocd.argoproj.io/tracking-id", meta.Annotations},
		{"Argo CD", "argocd.argoproj.io/instance", meta.Labels},
		{"Flux", "kustomize.toolkit.fluxcd.io/name", meta.Labels},
		{"Flux", "helm.toolkit.fluxcd.io/name", meta.Labels},
		{"Helm", "meta.helm.sh/release-name", meta.Annotations},
	} {
		if value := mark.in[mark.key]; value != "" {
			return mark.tool + " (" + value + ")"
		}
	}
	return ""
}

// newSecret makes a pull secret, and lets the ServiceAccount give it to all its
// Pods.
func newSecret(a *draft, result *resolver.Result) {
	host := "HOST"
	if named, err := reference.ParseNormalizedNamed(result.Image.Reference); err == nil {
		host = reference.Domain(named)
	}
	account, namespace := "default", a.record.Object.Namespace
	if a.record.Pod != nil && a.record.Pod.Spec.ServiceAccountName != "" {
		account = a.record.Pod.Spec.ServiceAccountName
	}
	a.Remedies = append(a.Remedies, Remedy{
		Text: "make a pull secret", Effect: Changes,
		Command: fmt.Sprintf("kubectl create secret docker-registry NAME -n %s --docker-server=%s --docker-username=USER --docker-password=PASSWORD", namespace, host),
	}, Remedy{
		Text: "give it to the Pods of ServiceAccount " + account + " that list none of their own", Effect: Changes,
		Command: fmt.Sprintf(`kubectl patch serviceaccount %s -n %s -p '{"imagePullSecrets":[{"name":"NAME"}]}'`, account, namespace),
	})
}

// renew makes the pull secret anew that is refused or cannot be read.
func renew(a *draft, result *resolver.Result) {
	for _, attempt := range result.Credentials {
		namespace, name, ok := strings.Cut(attempt.Source.Name, "/")
		if attempt.Source.Kind == pull.FromSecret && attempt.Outcome == pull.Rejected && ok {
			a.do("see of which type and age the secret is; it shows no value", fmt.Sprintf("kubectl describe secret %s -n %s", name, namespace), Looks)
		}
	}
	retry(a)
}

// retry makes the kubelet try at once: a new Pod has no back-off (k/k#62788).
func retry(a *draft) {
	if a.record.Pod == nil || a.record.Owner.Kind == "" {
		return
	}
	a.do("make the kubelet try at once, by a new Pod", fmt.Sprintf("kubectl delete pod %s -n %s", a.record.Pod.Name, a.record.Pod.Namespace), Destroys)
}
