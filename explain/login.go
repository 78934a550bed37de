package explain

import (
	"fmt"
	"path"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/advice"
	"github.com/pullgate/pullgate/resolver"
	"github.com/pullgate/pullgate/resolver/pull"
)

// makeSecret is the command that makes a pull secret; what it holds is the
// reader's to fill in.
func makeSecret(a *draft, result *resolver.Result, name string) string {
	host := "HOST"
	if named, err := reference.ParseNormalizedNamed(result.Image.Reference); err == nil {
		host = reference.Domain(named)
	}
	return fmt.Sprintf("kubectl create secret docker-registry %s -n %s --docker-server=%s --docker-username=USER --docker-password=PASSWORD",
		name, a.record.Object.Namespace, host)
}

// newSecret makes the pull secret that is missing, and has the Pod use it: by its
// ServiceAccount where the Pod lists none of its own.
func newSecret(a *draft, result *resolver.Result) {
	if missing := missingSecrets(result); len(missing) > 0 {
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "make the pull secret that the Pod names", Effect: advice.Changes, Command: makeSecret(a, result, missing[0])})
		retry(a)
		return
	}
	a.Remedies = append(a.Remedies, advice.Remedy{Text: "make a pull secret", Effect: advice.Changes, Command: makeSecret(a, result, "NAME")})
	account, listed := "default", false
	if spec := a.record.Spec; spec != nil {
		listed = len(spec.ImagePullSecrets) > 0
		if spec.ServiceAccountName != "" {
			account = spec.ServiceAccountName
		}
	}
	if listed {
		listSecret(a)
		return
	}
	if by := keeperOfPart(a, "ServiceAccount", account); by.tool != "" {
		a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("%s owns ServiceAccount %s: add the secret to its imagePullSecrets %s", by.tool, account, by.where)})
	} else {
		a.Remedies = append(a.Remedies, advice.Remedy{
			Text: "give it to the Pods of ServiceAccount " + account + " that list none of their own", Effect: advice.Changes,
			Command: fmt.Sprintf(`kubectl patch serviceaccount %s -n %s -p '{"imagePullSecrets":[{"name":"NAME"}]}'`, account, a.record.Object.Namespace),
		})
	}
	retry(a) // what a ServiceAccount has, a Pod is given when it is made
}

// listSecret adds a pull secret to those that the Pods list.
func listSecret(a *draft) {
	owner, by := a.owner(), keeperOf(a.ownerMeta())
	switch {
	case by.tool != "":
		a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("%s owns %s %s: add the secret to the imagePullSecrets of its Pods %s", by.tool, owner.Kind, owner.Name, by.where)})
	case hasTemplate(owner.Kind):
		a.Remedies = append(a.Remedies, advice.Remedy{Text: "add it to those that the Pods list", Effect: advice.Changes, Command: patch(owner, "imagePullSecrets", `{"name":"NAME"}`)})
	default:
		a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("make %s %s anew with it in imagePullSecrets: they cannot be changed", owner.Kind, owner.Name)})
	}
}

// missingSecrets are the Pod's pull secrets that do not exist.
func missingSecrets(result *resolver.Result) []string {
	var names []string
	for _, note := range result.Notes {
		if note.Reason == pull.PullSecretMissing && note.Secret.Kind == pull.FromSecret {
			names = append(names, nameOf(note.Secret))
		}
	}
	return names
}

// renew makes the pull secrets anew that are refused or cannot be read.
func renew(a *draft, result *resolver.Result) {
	for _, name := range faultySecrets(a, result) {
		namespace := a.record.Object.Namespace
		a.do("see of which type and age the secret is; it shows no value", fmt.Sprintf("kubectl describe secret %s -n %s", name, namespace), advice.Looks)
		if maker := makerOfSecret(a, name); maker != "" {
			a.Remedies = append(a.Remedies, advice.Remedy{Text: fmt.Sprintf("%s makes secret %s: renew it there", maker, name)})
			continue
		}
		a.Remedies = append(a.Remedies, advice.Remedy{
			Text: "make the secret anew; what it holds for other registries is lost", Effect: advice.Destroys,
			Command: makeSecret(a, result, name) + " --dry-run=client -o yaml | kubectl replace --force -f -",
		})
	}
	retry(a)
}

// faultySecrets are the names of the pull secrets that were refused, or one of
// which cannot be read.
func faultySecrets(a *draft, result *resolver.Result) []string {
	var names []string
	for _, attempt := range result.Credentials {
		if attempt.Source.Kind == pull.FromSecret && attempt.Outcome == pull.Rejected {
			names = append(names, nameOf(attempt.Source))
		}
	}
	if len(names) > 0 || result.Reason != pull.PullSecretMalformed || a.record.Spec == nil {
		return names
	}
	switch listed := a.record.Spec.ImagePullSecrets; len(listed) {
	case 0:
		return nil
	case 1:
		return []string{listed[0].Name}
	default:
		return []string{"NAME"}
	}
}

// nameOf is a pull secret's name without its namespace.
func nameOf(source pull.Source) string { return path.Base(source.Name) }

// makerOfSecret is what makes a pull secret or keeps it as it is; empty: nobody
// is known to.
func makerOfSecret(a *draft, name string) string {
	for i := range a.record.Parts {
		part := &a.record.Parts[i]
		if part.Kind != "Secret" || part.Meta.Name != name {
			continue
		}
		if maker := madeBy(&part.Meta); maker != "" {
			return maker
		}
		return keeperOf(&part.Meta).tool
	}
	return ""
}

// keeperOfPart is what keeps a ServiceAccount as it is.
func keeperOfPart(a *draft, kind, name string) keeper {
	for i := range a.record.Parts {
		if part := &a.record.Parts[i]; part.Kind == kind && part.Meta.Name == name {
			return keeperOf(&part.Meta)
		}
	}
	return keeper{}
}
