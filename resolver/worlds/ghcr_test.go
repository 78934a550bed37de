package worlds

import (
	"net/http"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

func ghcrWorld() world {
	return world{
		name: "GitHub Container Registry", host: "ghcr.io", user: "acme-ci",
		public: "acme/web", private: "acme/api",
		serve: func(s *stock) http.Handler { return ghcr{s} },
		about: "A private package and one that does not exist are the same to it. A personal access token that has expired breaks public packages, too.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.CredentialsRequired, missingToMember: pull.CredentialsRejected,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
	}
}

// ghcr answers as ghcr.io.
type ghcr struct{ *stock }

func (g ghcr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		g.token(w, r)
		return
	}
	repository, _, _ := route(r)
	v, carries := g.bearer(r)
	switch {
	case !carries:
		challenge(w, r, "https://ghcr.io/token", "ghcr.io")
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case !g.readable(v, repository):
		sayError(w, http.StatusForbidden, "DENIED", "permission_denied: read_package")
	case g.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "retry-after: 1ms, allowed: 44000/minute")
	default:
		g.give(w, r, func(string, string, string) { sayError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown") })
	}
}

// token knows GET alone.
func (g ghcr) token(w http.ResponseWriter, r *http.Request) {
	v := shown(r)
	repository := strings.TrimSuffix(strings.TrimPrefix(r.URL.Query().Get("scope"), "repository:"), ":pull")
	switch {
	case g.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case v.refused():
		sayError(w, http.StatusForbidden, "DENIED", "denied")
	case v == nobody && !g.readable(v, repository): // 403 DENIED before 2026
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	default:
		g.issue(w, r)
	}
}
