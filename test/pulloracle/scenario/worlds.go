package scenario

import (
	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/content"
)

// worlds are registries that answer as known ones do, beneath names of their
// own, which certs.d leads to the lab.
func worlds() []Scenario {
	return append(hubs(), others()...)
}

func hubs() []Scenario {
	hub := hostsTomlOf("docker.io", `server = "http://{plain}"`)
	return []Scenario{
		{Name: "hub-short-name", About: "nginx is docker.io/library/nginx", Image: "hub-short-name:1", Repository: "library/hub-short-name", Certs: hub, Access: public()},
		{Name: "hub-index-docker-io", About: "index.docker.io is docker.io", Image: "index.docker.io/{repo}:1", Certs: hub, Access: public()},
		{Name: "hub-private", About: "private or not there: Docker Hub does not tell", Image: hubImage, Certs: hub,
			Access: private(Bearer).givingTokens(), Want: want(pull.CredentialsRequired)},
		{Name: "hub-missing", About: "no such tag", Image: "docker.io/{repo}:2", Certs: hub, Access: public(), Want: want(pull.TagNotFound)},
		{Name: "hub-quota", About: "over the quota HEAD is free", Image: hubImage, Certs: hub, Access: public(), Want: want(pull.RateLimited),
			Faults: []Fault{status(429, Manifests).on(get).saying("TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit.")}},
		{Name: "hub-no-slash", About: "without a slash there is no registry: a repository of Docker Hub", Image: "localhost:5000", Repository: "library/localhost", Certs: hub,
			Access: public(), Want: want(pull.TagNotFound)},
		{Name: "hub-other-name", About: "registry-1.docker.io has no hosts.toml of docker.io's", Image: "registry-1.docker.io.test/{repo}:1",
			Certs: hostsTomlOf("registry-1.docker.io.test", `server = "http://{plain}"`), Access: public()},
	}
}

func others() []Scenario {
	via := hostsToml(`server = "http://{plain}"`)
	alone := hostsToml(`server = "http://{own}"`)
	withAlice := []Credential{alice()}
	repositoryUnknown := status(404, Manifests).saying("NAME_UNKNOWN", "The repository with name 'app' does not exist in the registry with id '1'")
	list := []Scenario{
		{Name: "ecr-none", About: "ECR without a credential", Access: private(Basic), Want: want(pull.CredentialsRequired)},
		{Name: "ecr-expired", About: "ECR with a token of yesterday", Access: private(Basic), Credentials: []Credential{outdated()}, Want: want(pull.CredentialsRejected)},
		{Name: "ecr-403", About: "ECR without BatchGetImage", Access: private(Basic), Credentials: withAlice, Want: want(pull.CredentialsRejected),
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 403}}},
		{Name: "ecr-no-repository", About: "ECR and a repository that does not exist", Access: private(Basic), Credentials: withAlice, Want: want(pull.RepositoryNotFound),
			Faults: []Fault{authorized(repositoryUnknown)}},
		{Name: "ecr-public-expired", About: "ECR Public and an expired token: 400", Access: public(), Want: want(pull.RegistryError),
			Faults: []Fault{{Object: Manifests, Authorized: true, Status: 400}}},
		{Name: "gar-private", About: "Artifact Registry says 403 at the token server", Access: private(Bearer), Want: want(pull.CredentialsRequired),
			Faults: []Fault{status(403, Token).saying("DENIED", "Unauthenticated request. Unauthenticated requests do not have permission \\\"artifactregistry.repositories.downloadArtifacts\\\" on resource (or it may not exist)")}},
		{Name: "gar-right", About: "Artifact Registry answers 404 to POST", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(404, Token).on(post)}},
		{Name: "acr-right", About: "ACR answers 400 to POST", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(400, Token).on(post)}},
		{Name: "acr-private", About: "ACR says 401 at the token server", Access: private(Bearer), Want: want(pull.CredentialsRequired)},
		{Name: "acr-refresh-token", About: "a refresh token as password of 0000…", Access: Access{Scheme: Bearer, Users: []string{"00000000-0000-0000-0000-000000000000:refresh"}},
			Credentials: []Credential{{"00000000-0000-0000-0000-000000000000", "refresh"}}},
		{Name: "acr-login", About: "what az acr login writes: a user without a password", Access: private(Bearer),
			Credentials: []Credential{{Username: "00000000-0000-0000-0000-000000000000"}}, Want: want(pull.CredentialsRequired, pull.CredentialsRejected)},
		{Name: "ghcr-private", About: "GHCR and a private package", Access: private(Bearer), Want: want(pull.CredentialsRequired)},
		{Name: "ghcr-stale", About: "GHCR: a stale token breaks a public package", Access: public(), Credentials: []Credential{outdated()}, Want: want(pull.CredentialsRejected),
			Faults: []Fault{status(403, Token).on(post).saying("DENIED", "denied")}},
		{Name: "quay-private", About: "Quay: 401 without an error code", Access: private(Bearer).givingTokens().denying(Silently), Want: want(pull.CredentialsRequired)},
		{Name: "quay-robot", About: "a robot of Quay", Access: Access{Scheme: Bearer, Users: []string{"org+robot:secret"}}, Credentials: []Credential{{"org+robot", "secret"}}},
		{Name: "harbor-private", About: "Harbor: a token of no use, then Basic", Access: private(Bearer).givingTokens().denying(Asks), Want: want(pull.CredentialsRequired)},
		{Name: "harbor-robot", About: "a robot of Harbor", Access: Access{Scheme: Bearer, Users: []string{"robot$x:secret"}}, Credentials: []Credential{{"robot$x", "secret"}}},
		{Name: "harbor-proxy", About: "Harbor's proxy answers 404 to HEAD of blobs", Faults: []Fault{status(404, Blobs).on(head)}},
		{Name: "harbor-proxy-2-1-1", About: "an old Harbor's proxy leaves type and length out of HEAD",
			Faults: []Fault{headers(head, map[string]string{"Content-Type": "-", "Content-Length": "-", digestHeader: "{digest}"})}},
		{Name: "nexus-head", About: "Nexus: 404 to HEAD, 200 to GET", Faults: []Fault{status(404, Manifests).on(head)}, Want: want(pull.TagNotFound)},
		{Name: "nexus-ping", About: "Nexus: /v2/ is 404 beneath a path", Certs: alone, Access: public(), Faults: []Fault{status(404, Ping)}},
		{Name: "nexus-closed-ping", About: "Nexus: /v2/ wants a credential, manifests do not", Certs: alone, Faults: []Fault{Fault{Object: Ping}.challenging(basicLab)}},
		{Name: "artifactory-401-post", About: "Artifactory answers 401 to POST", Access: private(Bearer), Credentials: withAlice, Faults: []Fault{status(401, Token).on(post)}},
		{Name: "artifactory-hides", About: "Artifactory hides what one may not see", Access: private(Bearer).denying(Hides), Credentials: []Credential{bob()}, Want: want(pull.RepositoryNotFound, pull.TagNotFound)},
		{Name: "gitlab-private", About: "GitLab says 403 at the token server", Access: private(Bearer), Credentials: []Credential{outdated()}, Want: want(pull.CredentialsRejected),
			Faults: []Fault{status(404, Token).on(post).page(), status(403, Token).saying("DENIED", "access forbidden")}},
		{Name: "gitlab-post-page", About: "GitLab behind a portal: 200 and a page to POST", Access: private(Bearer), Credentials: withAlice, Want: want(pull.RegistryError),
			Faults: []Fault{status(200, Token).on(post).page()}},
		{Name: "registry-2-token", About: "distribution with a token server that knows no POST", Access: private(Bearer), Credentials: withAlice,
			Holds: content.Image{Docker: true}, Faults: []Fault{status(405, Token).on(post)}},
	}
	for i := range list {
		list[i].Image = namedImage
		if list[i].Certs == nil {
			list[i].Certs = via
		}
	}
	return list
}

func authorized(f Fault) Fault {
	f.Authorized = true
	return f
}
