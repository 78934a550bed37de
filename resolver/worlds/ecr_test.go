package worlds

import (
	"fmt"
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func ecrWorld() world {
	return world{
		name: "Amazon ECR", host: "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
		user: "AWS", private: "acme/api",
		serve: func(s *stock) http.Handler { return ecr{s} },
		about: "Basic authentication with a token of 12 hours; to what is no token at all it answers 400. Nodes log in by their instance's role, which Pullgate does not see: " +
			"a refusal is `NodeCredentialsUnknown` unless `nodes.hiddenCredentials` says that there is no such role.",
		want: map[string]pull.Reason{
			privateTag: pull.ReasonPullable, missingTag: pull.TagNotFound,
			missingRepository: pull.NodeCredentialsUnknown, missingToMember: pull.NodeCredentialsUnknown,
			noSecret: pull.NodeCredentialsUnknown, noRight: pull.NodeCredentialsUnknown,
			wrongSecret: pull.RegistryError, limited: pull.RateLimited,
		},
		more: append([]visit{{title: "a private image, with a token that has expired", image: private, shows: outdated, want: pull.NodeCredentialsUnknown}},
			withoutIdentity(outdated)...),
	}
}

// ecr answers as a private registry of Amazon ECR.
type ecr struct{ *stock }

func (e ecr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	repository, kind, _ := route(r)
	v := shown(r)
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case v == nobody:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, e.host))
		http.Error(w, "Not Authorized", http.StatusUnauthorized)
	case v == impostor: // no token that it could decode
		w.WriteHeader(http.StatusBadRequest)
	case v == outdated:
		sayError(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
	case v == stranger:
		sayError(w, http.StatusForbidden, "DENIED", "User: arn:aws:iam::210987654321:user/ci is not authorized to perform: ecr:BatchGetImage on resource: "+
			"arn:aws:ecr:eu-central-1:123456789012:repository/"+repository+" because no resource-based policy allows the ecr:BatchGetImage action")
	case e.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "Rate exceeded")
	default:
		e.give(w, r, func(repository, _, _ string) { e.missing(w, repository, kind) })
	}
}

func (e ecr) missing(w http.ResponseWriter, repository, kind string) {
	switch {
	case !e.exists(repository):
		sayError(w, http.StatusNotFound, "NAME_UNKNOWN", "The repository with name '"+repository+"' does not exist in the registry with id '123456789012'")
	case kind == "manifests":
		sayError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func ecrPublicWorld() world {
	return world{
		name: "Amazon ECR Public", host: "public.ecr.aws", user: "AWS", public: "acme/web",
		serve: func(s *stock) http.Handler { return ecrPublic{s} },
		about: "All images are public, and a token that has expired breaks them. It answers 400 to a bearer token that has expired: Pullgate asks for another.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, missingTag: pull.TagNotFound, missingRepository: pull.RepositoryNotFound,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
	}
}

// ecrPublic answers as public.ecr.aws.
type ecrPublic struct{ *stock }

func (e ecrPublic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token/" {
		e.token(w, r)
		return
	}
	_, carries := e.bearer(r)
	switch {
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"`)
		sayError(w, http.StatusUnauthorized, "DENIED", "Not Authorized")
	case !carries: // it was revoked, or has expired
		w.WriteHeader(http.StatusBadRequest)
	case e.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "Rate exceeded")
	default:
		e.give(w, r, func(repository, kind, _ string) { ecr(e).missing(w, repository, kind) })
	}
}

// token knows GET alone.
func (e ecrPublic) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case e.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusNotFound)
	case shown(r).refused():
		sayError(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
	default:
		e.issue(w, r)
	}
}
