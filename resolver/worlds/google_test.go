package worlds

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/pullgate/pullgate/resolver/pull"
)

func artifactRegistryWorld() world {
	w := googleWorld("Google Artifact Registry", "europe-west1-docker.pkg.dev")
	w.public, w.private = "acme-open/public/web", "acme-prod/images/api"
	return w
}

func gcrWorld() world {
	w := googleWorld("gcr.io", "gcr.io")
	w.public, w.private = "acme-open/web", "acme-prod/api"
	w.about = "Artifact Registry answers beneath its name. " + w.about
	return w
}

func googleWorld(name, host string) world {
	return world{
		name: name, host: host, user: "_json_key",
		serve: func(s *stock) http.Handler { return google{s} },
		about: "The token service itself says 403, to whom may not read as for what does not exist. Nodes log in by their service account, which Pullgate does not see: " +
			"a refusal is `NodeCredentialsUnknown` unless `nodes.hiddenCredentials` says that there is none.",
		want: map[string]pull.Reason{
			publicTag: pull.ReasonPullable, privateTag: pull.ReasonPullable, missingTag: pull.TagNotFound,
			missingRepository: pull.NodeCredentialsUnknown, missingToMember: pull.NodeCredentialsUnknown,
			noSecret: pull.NodeCredentialsUnknown, noRight: pull.NodeCredentialsUnknown, wrongSecret: pull.NodeCredentialsUnknown,
			staleSecret: pull.NodeCredentialsUnknown, limited: pull.RateLimited, serviceDown: pull.RegistryError,
		},
		more: withoutIdentity(impostor),
	}
}

// google answers as Artifact Registry, beneath a name of its own or gcr.io.
type google struct{ *stock }

func (g google) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/token" {
		g.token(w, r)
		return
	}
	_, carries := g.bearer(r)
	switch {
	case !carries:
		challenge(w, r, "https://"+g.host+"/v2/token", g.host)
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "Unauthenticated request.")
	case g.limited:
		sayError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "Quota exceeded for quota metric 'Requests per project per region'")
	default:
		g.give(w, r, func(repository, _, object string) { g.missing(w, r, repository, object) })
	}
}

func (g google) missing(w http.ResponseWriter, r *http.Request, repository, object string) {
	if !g.exists(repository) {
		sayError(w, http.StatusNotFound, "NAME_UNKNOWN", fmt.Sprintf("Repository %q not found", strings.Split(repository, "/")[1]))
		return
	}
	sayError(w, http.StatusNotFound, "MANIFEST_UNKNOWN", fmt.Sprintf("Failed to fetch %q from request %q.", object, r.URL.Path))
}

// token knows GET alone, and says already whom it lets in where.
func (g google) token(w http.ResponseWriter, r *http.Request) {
	v := shown(r)
	repository := strings.TrimSuffix(strings.TrimPrefix(r.URL.Query().Get("scope"), "repository:"), ":pull")
	const permission, or = `"artifactregistry.repositories.downloadArtifacts"`, " (or it may not exist)"
	resource := fmt.Sprintf("%q", "projects/"+strings.Split(repository+"/", "/")[0]+"/locations/europe-west1/repositories/images")
	switch {
	case g.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		sayPage(w, http.StatusNotFound)
	case v.refused():
		sayError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication failed")
	case v != member && v == nobody && !g.readable(v, repository):
		sayError(w, http.StatusForbidden, "DENIED", "Unauthenticated request. Unauthenticated requests do not have permission "+permission+" on resource "+resource+or)
	case v != member && !g.readable(v, repository):
		sayError(w, http.StatusForbidden, "DENIED", "Permission "+permission+" denied on resource "+resource+or)
	default:
		g.issue(w, r)
	}
}
