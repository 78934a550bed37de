package resolver

import (
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// rejectedHint says what to do about credentials that were refused. With one
// that matches nodes never ask without, be the image public.
func rejectedHint(a answer, named reference.Named) string {
	rejected := rejectedNames(a.attempts)
	hint := "renew the password in " + rejected
	if !a.finding.LoginFailed {
		hint += ", or ask for pull access to " + reference.Path(named)
	}
	hint += inBrackets(credentialFor(reference.Domain(named)))
	if strings.HasPrefix(rejected, "pull secret ") {
		hint += "; if the image is public, leave the secret out"
	}
	return hint
}

// credentialFor says what a pull secret for a registry has to hold, where that
// is no matter of course; empty for others.
func credentialFor(host string) string {
	switch {
	case host == "public.ecr.aws":
		return "all images there are public, and a token lives 12 hours"
	case strings.Contains(host, ".dkr.ecr") || strings.Contains(host, ".dkr-ecr"):
		return "a token of Amazon ECR lives 12 hours: something has to renew it"
	case host == "gcr.io" || strings.HasSuffix(host, ".gcr.io") || strings.HasSuffix(host, ".pkg.dev"):
		return "an access token lives one hour: use the key of a service account with roles/artifactregistry.reader"
	case strings.HasSuffix(host, ".azurecr.io"):
		return "use a service principal with AcrPull or a token of a scope map: nodes cannot use what az acr login writes"
	case host == "ghcr.io":
		return "it takes a classic personal access token with read:packages, of somebody who may read the package"
	case host == "quay.io":
		return "a robot needs read permission on the repository"
	case host == "registry.gitlab.com":
		return "it takes a deploy token or an access token with read_registry"
	default:
		return ""
	}
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// hiddenHint says what to do where only nodes may know the right credential.
func hiddenHint(a answer, host string) string {
	const hint = "let pullgate ask as nodes do, by nodes.cloudCredentials or nodes.credentialProviders"
	if a.said == pull.CredentialsRejected {
		return "renew " + rejectedNames(a.attempts) + inBrackets(credentialFor(host)) + ", or " + hint
	}
	return hint
}
