package worlds

import (
	"fmt"
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func acrWorld() world {
	return world{
		name: "Azure Container Registry", host: "acme.azurecr.io", user: "ci-token",
		public: "web", private: "api",
		serve: func(s *stock) http.Handler { return acr{s} },
		about: "It knows no password at the token service's POST, and gets it by GET. Nodes log in by their managed identity, which Pullgate does not see: " +
			"a refusal is `NodeCredentialsUnknown` unless `nodes.hiddenCredentials` says that there is none.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable, missingTag: pull.TagNotFound,
			missingRepository: pull.NodeCredentialsUnknown, missingToMember: pull.NodeCredentialsUnknown,
			noSecret: pull.NodeCredentialsUnknown, noRight: pull.NodeCredentialsUnknown, wrongSecret: pull.NodeCredentialsUnknown,
			staleSecret: pull.NodeCredentialsUnknown, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
		more: append(withoutIdentity(impostor), visit{title: "a private image, with a pull secret as `az acr login` writes it", image: private, want: pull.NodeCredentialsUnknown,
			secret: `{"auths":{"acme.azurecr.io":{"auth":"MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==","identitytoken":"eyJhbGciOiJSUzI1NiJ9"}}}`}),
	}
}

// acr answers as a registry of azurecr.io with anonymous pull for one
// repository.
type acr struct{ *stock }

const acrRequired = "authentication required, visit https://aka.ms/acr/authorization for more information."

func (a acr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/oauth2/token" {
		a.token(w, r)
		return
	}
	realm := "https://" + a.host + "/oauth2/token"
	repository, _, _ := route(r)
	v, carries := a.bearer(r)
	switch {
	case !carries:
		challenge(w, r, realm, a.host)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", acrRequired)
	case v != member && !a.readable(v, repository):
		challenge(w, r, realm, a.host, `error="insufficient_scope"`)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", acrRequired)
	case a.limited:
		w.Header().Set("Retry-After", "1")
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many requests")
	default:
		a.give(w, r, func(repository, kind, object string) { a.missing(w, repository, kind, object) })
	}
}

func (a acr) missing(w http.ResponseWriter, repository, kind, object string) {
	if kind == "manifests" && a.exists(repository) {
		sayError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", fmt.Sprintf("manifest tagged by %q is not found", object))
		return
	}
	say(w, http.StatusNotFound, fmt.Sprintf(`{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":%q}}]}`, repository))
}

// token takes no password by POST.
func (a acr) token(w http.ResponseWriter, r *http.Request) {
	v := shown(r)
	switch {
	case a.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		sayError(w, http.StatusBadRequest, "UNSUPPORTED", "grant_type password is not supported")
	case v.refused(), v == nobody && r.URL.Query().Get("scope") != "repository:"+a.public+":pull":
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", acrRequired)
	default:
		a.issue(w, r)
	}
}
