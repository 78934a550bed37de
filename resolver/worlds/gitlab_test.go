package worlds

import (
	"net/http"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

func gitlabWorld() world {
	return world{
		name: "GitLab", host: "registry.gitlab.com", served: []string{"gitlab.com"}, user: "gitlab+deploy-token-1",
		public: "acme/open/web", private: "acme/shop/api",
		serve: func(s *stock) http.Handler { return gitlab{s} },
		about: "The token service itself says 403, to whom may not read as for a project that does not exist.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.CredentialsRequired, missingToMember: pull.CredentialsRejected,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
	}
}

// gitlab answers as registry.gitlab.com and gitlab.com.
type gitlab struct{ *stock }

func (g gitlab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host == "gitlab.com" {
		g.token(w, r)
		return
	}
	_, carries := g.bearer(r)
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case !carries:
		challenge(w, r, "https://gitlab.com/jwt/auth", "container_registry")
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case g.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many requests")
	default:
		g.give(w, r, func(_, _, object string) {
			say(w, http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=`+object+`"}]}`)
		})
	}
}

// token has a page for POST.
func (g gitlab) token(w http.ResponseWriter, r *http.Request) {
	v := shown(r)
	repository := strings.TrimSuffix(strings.TrimPrefix(r.URL.Query().Get("scope"), "repository:"), ":pull")
	switch {
	case g.down:
		sayPage(w, http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		sayPage(w, http.StatusNotFound)
	case v.refused():
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "HTTP Basic: Access denied. If a password was provided for Git authentication, "+
			"the password was incorrect or you're required to use a token instead of a password.")
	case !g.readable(v, repository):
		sayError(w, http.StatusForbidden, "DENIED", "access forbidden")
	default:
		g.issue(w, r)
	}
}
