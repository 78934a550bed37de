package wording

import (
	"fmt"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

// summary says what is the matter: what the catalogue has for the reason,
// unless the facts tell more.
func summary(entry pull.Entry, f *pull.Facts) string {
	general := strings.ReplaceAll(entry.Summary, "{registry}", host(f))
	switch {
	case entry.Reason == pull.PresentOnNodes:
		return refusal(f) + "; " + present(f.Present)
	case entry.Reason == pull.PullSecretMalformed:
		return fmt.Sprintf("pull secret %s makes the kubelet fail every pull of the Pod: %s", f.Malformed.Secret, f.Malformed.Text)
	case entry.Reason == pull.CredentialsRejected && !f.Finding.LoginFailed:
		return general + ", or does not have it"
	case entry.Reason == pull.NodeCredentialsUnknown && f.Incomplete != "":
		return "not known: " + f.Incomplete
	case entry.Reason == pull.NodeCredentialsUnknown && f.Settings:
		return fmt.Sprintf("not known: %s %s, but nodes of k3s or RKE2 may have mirrors or credentials in registries.yaml that pullgate does not", host(f), verb(f))
	case entry.Reason == pull.NodeCredentialsUnknown && f.Said.NotFound():
		return fmt.Sprintf("not known: %s does not show it, but nodes may hold credentials for it that pullgate does not", host(f))
	case entry.Verdict == pull.Unknown && f.Finding.Doubt != "":
		return "not known: " + f.Finding.Doubt
	default:
		return general
	}
}

func verb(f *pull.Facts) string {
	if f.Said.NotFound() {
		return "does not show it"
	}
	return "refused"
}

// refusal says what would be the matter on a node that has not the image.
func refusal(f *pull.Facts) string {
	if f.Said.Refused() {
		return host(f) + " would refuse it"
	}
	said := *f
	said.Finding.Reason = f.Said
	entry, _ := f.Said.Entry()
	return summary(entry, &said)
}

// present says which node has the image, and to whom that is of use.
func present(p pull.Presence) string {
	if p.Lent {
		return "node " + p.Node + " has it, but only for Pods with the pull secret that pulled it, if one did (since Kubernetes 1.35)"
	}
	return "node " + p.Node + " has it and uses it as it is"
}

// neverPulled are the words under pull policy Never: no registry matters.
func neverPulled(f *pull.Facts) Words {
	switch {
	case f.Present.Node == "":
		words := Plain("never pulled (imagePullPolicy: Never), and no node is known to have it")
		words.Hint = "load the image onto the nodes, or set imagePullPolicy: IfNotPresent"
		words.Node = fmt.Sprintf("Container image %q is not present with pull policy of Never", f.Written)
		return words
	case f.Present.Lent: // a node says of what it keeps from a Pod that it is not there
		words := Plain("never pulled; " + present(f.Present))
		words.Hint = "give the Pod that secret, or set imagePullPolicy: IfNotPresent"
		return words
	default:
		return Plain("never pulled; " + present(f.Present))
	}
}
