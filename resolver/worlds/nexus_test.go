package worlds

import (
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func nexusWorld() world {
	return world{
		name: "Sonatype Nexus", host: "nexus.example.com", user: "ci",
		public: "acme/web", private: "acme-private/api",
		serve: func(s *stock) http.Handler { return nexus{stock: s} },
		about: "Anonymous pulls need the Docker Bearer Token Realm to be active, besides anonymous access: without it everything is refused, public or not. " +
			"Some versions answer 404 to HEAD for what they give to GET: nodes ask by HEAD and fail.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.TagNotFound, missingToMember: pull.TagNotFound,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
		more: []visit{
			{title: "a public image, without the Bearer Token Realm", image: public, want: pull.CredentialsRequired,
				serve: func(s *stock) http.Handler { return nexus{stock: s, basic: true} }},
			{title: "a private image with the right pull secret, without the Bearer Token Realm", image: private, shows: member, want: pull.ReasonPullable,
				serve: func(s *stock) http.Handler { return nexus{stock: s, basic: true} }},
			{title: "a public image, of a version that answers 404 to HEAD", image: public, want: pull.TagNotFound,
				serve: func(s *stock) http.Handler { return nexus{stock: s, noHead: true} }},
		},
	}
}

// nexus answers as Nexus Repository 3.
type nexus struct {
	*stock
	basic  bool // the Bearer Token Realm is not active
	noHead bool // HEAD knows less than GET
}

func (n nexus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/token" {
		n.token(w, r)
		return
	}
	repository, _, _ := route(r)
	v, carries := n.bearer(r)
	if n.basic {
		v, carries = shown(r), shown(r) != nobody && !shown(r).refused()
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case !carries, repository == n.private && v != member:
		n.ask(w)
		say(w, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"access to the requested resource is not authorized","detail":null}]}`)
	case n.limited: // a proxy repository hands on what its upstream says
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit")
	case n.noHead && r.Method == http.MethodHead:
		w.WriteHeader(http.StatusNotFound)
	default:
		n.give(w, r, func(string, string, string) {
			say(w, http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":null}]}`)
		})
	}
}

// ask names no scope.
func (n nexus) ask(w http.ResponseWriter) {
	if n.basic {
		w.Header().Set("WWW-Authenticate", `BASIC realm="Sonatype Nexus Repository Manager"`)
		return
	}
	realm := "https://" + n.host + "/v2/token"
	w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="`+realm+`"`)
}

// token knows GET alone.
func (n nexus) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case n.down:
		sayPage(w, http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		sayPage(w, http.StatusNotFound)
	case shown(r).refused():
		say(w, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"access to the requested resource is not authorized","detail":null}]}`)
	default:
		n.issue(w, r)
	}
}
