package worlds

import (
	"fmt"
	"net/http"

	"github.com/pullgate/pullgate/resolver/pull"
)

func artifactoryWorld() world {
	hiding := func(s *stock) http.Handler { return artifactory{stock: s, hides: true} }
	return world{
		name: "JFrog Artifactory", host: "acme.jfrog.io", user: "ci",
		public: "docker-public/web", private: "docker-local/api",
		serve: func(s *stock) http.Handler { return artifactory{stock: s} },
		about: "It can be told to hide what one may not read: then a 404 may be a refusal.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable,
			missingTag: pull.TagNotFound, missingRepository: pull.TagNotFound, missingToMember: pull.TagNotFound,
			noSecret: pull.CredentialsRequired, noRight: pull.CredentialsRejected, wrongSecret: pull.CredentialsRejected,
			staleSecret: pull.CredentialsRejected, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
		more: []visit{
			{title: "a private image without a pull secret, hidden", image: private, want: pull.TagNotFound, serve: hiding},
			{title: "a private image, with the pull secret of somebody who may not read it, hidden", image: private, shows: stranger, want: pull.TagNotFound, serve: hiding},
		},
	}
}

// artifactory answers as Artifactory with one name for all repositories.
type artifactory struct {
	*stock
	hides bool // "hide existence of unauthorized resources"
}

func (a artifactory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/token" {
		a.token(w, r)
		return
	}
	repository, _, object := route(r)
	v, carries := a.bearer(r)
	forbidden := repository == a.private && v != member
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	switch {
	case !carries:
		challenge(w, r, "https://"+a.host+"/v2/token", a.host)
		say(w, http.StatusUnauthorized, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}`)
	case forbidden && a.hides:
		a.missing(w, repository, object)
	case forbidden:
		say(w, http.StatusForbidden, `{"errors":[{"code":"DENIED","message":"The client does not have permission for manifest","detail":{}}]}`)
	case a.limited:
		say(w, http.StatusTooManyRequests, `{"errors":[{"status":429,"message":"Too many requests"}]}`)
	default:
		a.give(w, r, func(repository, _, object string) { a.missing(w, repository, object) })
	}
}

func (artifactory) missing(w http.ResponseWriter, repository, object string) {
	say(w, http.StatusNotFound, fmt.Sprintf(
		`{"errors":[{"code":"MANIFEST_UNKNOWN","message":"The named manifest is not known to the registry.","detail":{"manifest":"%s/%s/manifest.json"}}]}`, repository, object))
}

// token answers 401 to POST.
func (a artifactory) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.down:
		sayPage(w, http.StatusServiceUnavailable)
	case r.Method == http.MethodPost, shown(r).refused():
		say(w, http.StatusUnauthorized, `{"statusCode":401,"details":"BAD_CREDENTIAL"}`)
	case shown(r) == nobody && !a.hides && r.URL.Query().Get("scope") == "repository:"+a.private+":pull":
		say(w, http.StatusUnauthorized, `{"statusCode":401,"details":"BAD_CREDENTIAL"}`)
	default:
		a.issue(w, r)
	}
}
