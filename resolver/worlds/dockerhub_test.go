package worlds

import (
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func dockerHubWorld() world {
	return world{
		name: "Docker Hub", host: "docker.io", served: []string{"registry-1.docker.io", "auth.docker.io"},
		key: "https://index.docker.io/v1/", user: "acme",
		public: "acme/web", private: "acme/api",
		serve: func(s *stock) http.Handler { return dockerHub{s} },
		about: "A private repository and one that does not exist are the same to it. " +
			"Its quota counts GETs of manifests, not HEADs: an image whose digest is known costs none of it, and can be checked after the quota is spent.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.CredentialsRequired, missingToMember: pull.CredentialsRejected,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
	}
}

// dockerHub answers as registry-1.docker.io and auth.docker.io.
type dockerHub struct{ *stock }

func (d dockerHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host == "auth.docker.io" {
		d.token(w, r)
		return
	}
	const realm, service = "https://auth.docker.io/token", "registry.docker.io"
	repository, kind, _ := route(r)
	v, carries := d.bearer(r)
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case !carries:
		challenge(w, r, realm, service)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case !d.readable(v, repository):
		challenge(w, r, realm, service, `error="insufficient_scope"`)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case d.limited && kind == "manifests" && r.Method == http.MethodGet:
		d.quota(w, "0;w=21600")
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS",
			"You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit")
	default:
		d.quota(w, "76;w=21600")
		d.give(w, r, func(_, _, object string) {
			say(w, http.StatusNotFound, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":"unknown tag=`+object+`"}]}`)
		})
	}
}

func (dockerHub) quota(w http.ResponseWriter, remaining string) {
	w.Header().Set("RateLimit-Limit", "100;w=21600")
	w.Header().Set("RateLimit-Remaining", remaining)
	w.Header().Set("Docker-RateLimit-Source", "192.0.2.7")
}

// token knows POST and GET.
func (d dockerHub) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case d.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case shown(r).refused():
		say(w, http.StatusUnauthorized, `{"details":"incorrect username or password"}`)
	default:
		d.issue(w, r)
	}
}
