package wording

import "strings"

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
