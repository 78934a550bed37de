package worlds

import (
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func quayWorld() world {
	return world{
		name: "Quay", host: "quay.io", user: "acme+ci",
		public: "acme/web", private: "acme/api",
		serve: func(s *stock) http.Handler { return quay{s} },
		about: "A private repository and one that does not exist are the same to it. A robot (`ORGANISATION+NAME`) may log in and still read nothing: it needs the permission on each repository.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.CredentialsRequired, missingToMember: pull.CredentialsRejected,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
	}
}

// quay answers as quay.io: it refuses without an error in the challenge.
type quay struct{ *stock }

func (q quay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/auth" {
		q.token(w, r)
		return
	}
	repository, _, _ := route(r)
	v, _ := q.bearer(r)
	switch {
	case q.limited:
		sayPage(w, http.StatusTooManyRequests)
	case r.Header.Get("Authorization") == "", !q.readable(v, repository):
		challenge(w, r, "https://quay.io/v2/auth", "quay.io")
		say(w, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"access to the requested resource is not authorized"}]}`)
	default:
		q.give(w, r, func(string, string, string) {
			say(w, http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","detail":{},"message":"manifest unknown"}]}`)
		})
	}
}

// token knows GET alone.
func (q quay) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case q.down:
		sayPage(w, http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case shown(r).refused():
		say(w, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","detail":{},"message":"Could not find robot with username: acme+ci and supplied password."}]}`)
	default:
		q.issue(w, r)
	}
}
