package resolver

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/pullgate/pullgate/resolver/pull"
)

// rejectedHint says what to do about credentials that were refused. With one
// that matches nodes never ask without, be the image public.
func rejectedHint(a answer, named reference.Named) string {
	if onlyClouds(a.attempts) {
		return cloudHint(a, named)
	}
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
func hiddenHint(a answer, named reference.Named) string {
	const hint = "let pullgate ask as nodes do, by nodes.cloudCredentials or nodes.credentialProviders"
	switch {
	case a.said == pull.CredentialsRejected && onlyClouds(a.attempts):
		return cloudHint(a, named)
	case a.said == pull.RepositoryNotFound && a.inCloud():
		return "correct the repository's name, push it, or, where pulls create it, let pullgate's identity do so as the nodes'"
	case a.said == pull.CredentialsRejected:
		return "renew " + rejectedNames(a.attempts) + inBrackets(credentialFor(reference.Domain(named))) + ", or " + hint
	default:
		return hint
	}
}

// onlyClouds tells whether there was no other credential to renew than that of
// a cloud's identity, which renews itself.
func onlyClouds(tried []pull.Attempt) bool {
	return !slices.ContainsFunc(tried, func(attempt pull.Attempt) bool {
		return attempt.Outcome == pull.Rejected && attempt.Source.Kind != pull.FromCloud
	})
}

// inCloud tells whether a cloud let our own identity in.
func (a *answer) inCloud() bool {
	return slices.ContainsFunc(a.attempts, func(attempt pull.Attempt) bool {
		return attempt.Outcome == pull.Accepted && attempt.Source.Kind == pull.FromCloud
	})
}

// cloudHint says what to do about an identity that may not pull.
func cloudHint(a answer, named reference.Named) string {
	return "let the nodes' identity, and pullgate's that stands for it (" + rejectedNames(a.attempts) + "), pull " + reference.Path(named)
}
