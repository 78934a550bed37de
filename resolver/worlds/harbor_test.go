package worlds

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

func harborWorld() world {
	return world{
		name: "Harbor", host: "harbor.example.com", user: "robot$ci",
		public: "library/web", private: "acme/api",
		serve: func(s *stock) http.Handler { return harbor{s} },
		about: "Whoever may not read gets a token of no use, and is then asked for a password. A robot (`robot$NAME`) may log in and still read nothing.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.RepositoryNotFound, missingToMember: pull.RepositoryNotFound,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.ReasonPullable, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
		more: []visit{{title: "a project that does not exist", image: "nowhere/web:1.27", want: pull.CredentialsRequired}},
	}
}

// harbor answers as Harbor 2.
type harbor struct{ *stock }

func (h harbor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/service/token" {
		h.token(w, r)
		return
	}
	repository, _, _ := route(r)
	v, _ := h.bearer(r)
	if basic := shown(r); basic != nobody {
		v = basic
	}
	project, _, _ := strings.Cut(repository, "/")
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case r.Header.Get("Authorization") == "" && (r.Method == http.MethodHead || !h.pulls(v, project)):
		challenge(w, r, "https://"+h.host+"/service/token", "harbor-registry")
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authorize header needed to send HEAD to repository")
	case project != "library" && project != "acme":
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "project "+project+" not found")
	case !h.pulls(v, project):
		w.Header().Set("WWW-Authenticate", `Basic realm="harbor"`)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", fmt.Sprintf("unauthorized to access repository: %s, action: pull", repository))
	case h.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many request to upstream registry")
	default:
		h.give(w, r, func(repository, _, object string) { h.missing(w, repository, object) })
	}
}

func (harbor) pulls(v visitor, project string) bool { return project == "library" || v == member }

func (h harbor) missing(w http.ResponseWriter, repository, object string) {
	if !h.exists(repository) {
		sayError(w, http.StatusNotFound, "NOT_FOUND", "repository "+repository+" not found")
		return
	}
	sayError(w, http.StatusNotFound, "NOT_FOUND", fmt.Sprintf("artifact %s:%s not found", repository, object))
}

// token knows GET alone, and gives everybody a token: of the right access, or
// of none.
func (h harbor) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.down:
		sayPage(w, http.StatusBadGateway)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		h.issue(w, r)
	}
}
