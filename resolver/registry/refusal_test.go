package registry

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbeRefused is who is turned away: what a node would report, and that
// no registry is asked the same thing twice.
func TestProbeRefused(t *testing.T) {
	for _, tt := range slices.Concat(refusals(), refusedTokens(), refusedOddly(), forbidden403()) {
		demand := tt.setup
		tt.setup = func(r *rig) {
			r.single("manifest", "1", "linux/amd64")
			demand(r)
		}
		t.Run(tt.name, tt.run)
	}
}

const (
	failed  = `failed to pull and unpack image "HOST/app:1": failed to resolve image: `
	noBasic = failed + "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"
)

func refusals() []row {
	return []row{
		{name: "Basic, no credential", setup: func(r *rig) { r.basic() },
			reason: pull.CredentialsRequired, detail: "no basic auth credentials", node: noBasic,
			requests: "HEAD 1, GET 1"},
		{name: "Basic, wrong password", credential: wrong(), setup: func(r *rig) { r.basic() },
			reason: pull.CredentialsRejected, detail: "answered 401 Unauthorized",
			node:     failed + "unexpected status from HEAD request to http://HOST/v2/app/manifests/1: 401 Unauthorized",
			requests: "HEAD 1, HEAD 1 basic, GET 1, GET 1 basic"},
		{name: "Basic, empty password", credential: pull.NewCredential(pull.Secret("ns", "empty"), user, ""), setup: func(r *rig) { r.basic() },
			reason: pull.CredentialsRequired, detail: "no basic auth credentials", node: noBasic,
			requests: "HEAD 1, GET 1"},
	}
}

func refusedTokens() []row {
	const scope = "token?scope=repository%3Aapp%3Apull&service=registry.test: "
	tokens := func(b bearer) func(r *rig) { return func(r *rig) { r.bearer(b) } }
	return []row{
		{name: "Bearer, no credential", setup: tokens(bearer{}),
			reason: pull.CredentialsRequired, detail: "insufficient_scope",
			node:     failed + "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
			requests: "HEAD 1, GET token, HEAD 1 bearer, GET 1, GET token, GET 1 bearer"},
		{name: "Bearer, wrong password", credential: wrong(), setup: tokens(bearer{}),
			reason: pull.CredentialsRejected, detail: "answered 401 Unauthorized (incorrect username or password)",
			node:     failed + "failed to authorize: failed to fetch oauth token: unexpected status from GET request to http://HOST/" + scope + "401 Unauthorized",
			requests: "HEAD 1, POST token, GET token basic, GET 1, POST token, GET token basic"},
		{name: "token server, no credential, 401", setup: tokens(bearer{get: status(http.StatusUnauthorized)}),
			reason: pull.CredentialsRequired, detail: "answered 401 Unauthorized",
			node:     failed + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to http://HOST/" + scope + "401 Unauthorized",
			requests: "HEAD 1, GET token, GET 1, GET token"},
		{name: "token server, no credential, 403",
			setup: tokens(bearer{get: func(w http.ResponseWriter, _ *http.Request) {
				refuse(w, http.StatusForbidden, "DENIED", "access forbidden")
			}}),
			reason: pull.CredentialsRequired, detail: "answered 403 Forbidden (DENIED: access forbidden)",
			node:     failed + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to http://HOST/" + scope + "403 Forbidden",
			requests: "HEAD 1, GET token, GET 1, GET token"},
		{name: "token server, wrong password, GET 403 after POST 404", credential: wrong(),
			setup:  tokens(bearer{post: says(http.StatusNotFound, "text/html", page), get: status(http.StatusForbidden)}),
			reason: pull.CredentialsRejected, detail: "answered 403 Forbidden",
			node:     failed + "failed to authorize: failed to fetch oauth token: ",
			requests: "HEAD 1, POST token, GET token basic, GET 1, POST token, GET token basic"},
		{name: "token server, wrong password, POST 403 in JSON", credential: wrong(),
			setup:  tokens(bearer{post: says(http.StatusForbidden, "application/json", `{"error":"invalid_grant","error_description":"bad password"}`)}),
			reason: pull.CredentialsRejected, detail: "answered 403 Forbidden (invalid_grant: bad password)",
			node:     failed + "failed to authorize: failed to fetch oauth token: unexpected status from POST request to http://HOST/token: 403 Forbidden",
			requests: "HEAD 1, POST token, GET 1, POST token"},
		{name: "a token without access", credential: right(),
			setup:  tokens(bearer{post: says(http.StatusOK, "application/json", `{"access_token": "for something else"}`)}),
			reason: pull.CredentialsRejected, detail: "insufficient_scope",
			node:     failed + "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
			requests: "HEAD 1, POST token, HEAD 1 bearer, GET 1, POST token, GET 1 bearer"},
	}
}

func refusedOddly() []row {
	tokens := func(b bearer) func(r *rig) { return func(r *rig) { r.bearer(b) } }
	return []row{
		{name: "401 without error=, as Quay", setup: tokens(bearer{noError: true}),
			reason: pull.CredentialsRequired, detail: "answered 401 Unauthorized",
			node:     failed + "unexpected status from HEAD request to http://HOST/v2/app/manifests/1: 401 Unauthorized",
			requests: "HEAD 1, GET token, HEAD 1 bearer, GET 1, GET token, GET 1 bearer"},
		{name: "the token that was just given is invalid", credential: right(),
			setup: func(r *rig) {
				r.bearer(bearer{})
				for _, request := range []string{"HEAD 1 bearer", "GET 1 bearer"} {
					r.on(request, func(w http.ResponseWriter, req *http.Request) {
						w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",error="invalid_token"`, req.Host))
						refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
					})
				}
			},
			reason: pull.RegistryError, detail: "the token is invalid which its token server has just given",
			requests: "HEAD 1, POST token, HEAD 1 bearer, GET 1, POST token, GET 1 bearer"},
		{name: "Basic after a token for nothing, as Harbor", setup: harbor,
			reason: pull.CredentialsRequired, detail: "no basic auth credentials", node: noBasic,
			requests: "HEAD 1, GET token, HEAD 1 bearer, GET 1, GET token, GET 1 bearer"},
		{name: "Basic first on one line hides Bearer",
			setup:  tokens(bearer{challenge: `Basic realm="registry", Bearer realm="REALM"`}),
			reason: pull.CredentialsRequired, detail: "no basic auth credentials", node: noBasic,
			requests: "HEAD 1, GET 1"},
		{name: "401 without a challenge", credential: right(),
			setup:  func(r *rig) { r.on("HEAD", status(http.StatusUnauthorized)) },
			reason: pull.RegistryError, detail: "two answers",
			requests: "HEAD 1, GET 1"},
		{name: "401 with a challenge nobody knows",
			setup: func(r *rig) {
				r.on("HEAD", func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("WWW-Authenticate", "Negotiate")
					w.WriteHeader(http.StatusUnauthorized)
				})
			},
			reason: pull.RegistryError, detail: "two answers",
			requests: "HEAD 1, GET 1"},
		{name: "let in for the tag, refused for the manifest", credential: right(),
			setup:  func(r *rig) { r.on("GET", status(http.StatusUnauthorized)) },
			reason: pull.RegistryError, detail: "answered 401 Unauthorized",
			requests: "HEAD 1, GET @manifest, HEAD 1, GET @manifest, GET @manifest, GET v2/"},
	}
}

// harbor gives a token for nothing to anybody, and then asks for a password.
func harbor(r *rig) {
	r.bearer(bearer{noError: true})
	r.on("HEAD 1 bearer", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="harbor"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "unauthorized to access repository")
	})
}

// forbidden403 are the many ways to say no.
func forbidden403() []row {
	const text = failed + "unexpected status from HEAD request to http://HOST/v2/app/manifests/1: 403 Forbidden"
	forbids := func(mediaType, body string) func(r *rig) {
		return func(r *rig) {
			r.wrap(func(http.Handler) http.Handler { return says(http.StatusForbidden, mediaType, body) })
		}
	}
	return []row{
		{name: "403 with JSON", setup: forbids("application/json", `{"errors":[{"code":"DENIED","message":"not yours"}]}`),
			reason: pull.CredentialsRequired, detail: "answered 403 Forbidden (DENIED: not yours)",
			node:     text + " denied: not yours",
			requests: "HEAD 1, GET 1, GET 1"},
		{name: "403 with JSON and a credential", credential: wrong(), setup: forbids("application/json", `{"errors":[{"code":"DENIED","message":"not yours"}]}`),
			reason: pull.CredentialsRequired, detail: "(DENIED: not yours)", node: text,
			requests: "HEAD 1, GET 1, GET 1"},
		{name: "bare 403", setup: forbids("", ""),
			reason: pull.RegistryError, detail: "something other than a registry",
			requests: "HEAD 1, GET 1, GET 1, GET v2/"},
		{name: "403 in plain words", setup: forbids("text/plain", "Forbidden\n"),
			reason: pull.RegistryError, detail: `answered 403 Forbidden: "Forbidden"`,
			requests: "HEAD 1, GET 1"},
		{name: "403 in HTML", setup: forbids("text/html", "\n"+page),
			reason: pull.RegistryError, detail: "answered 403 Forbidden",
			requests: "HEAD 1, GET 1"},
		{name: "403 to HEAD alone", setup: func(r *rig) { r.on("HEAD", status(http.StatusForbidden)) },
			reason: pull.RegistryError, detail: "two answers",
			requests: "HEAD 1, GET 1, GET 1"},
		{name: "403 that says of one platform what it was told", credential: right(), platforms: []string{"linux/amd64", "linux/arm64"},
			setup: func(r *rig) {
				indexFor("linux/amd64", "linux/arm64")(r)
				r.basic()
				r.on("GET @linux-arm64 basic", func(w http.ResponseWriter, req *http.Request) {
					refuse(w, http.StatusForbidden, "DENIED", req.Header.Get("Authorization")+" is not welcome")
				})
			},
			reason: pull.ReasonPullable, notes: []pull.NoteReason{pull.SomeNodesMismatch},
			requests: "HEAD 1, HEAD 1 basic, GET @index basic, GET @linux-amd64 basic, GET @linux-arm64 basic"},
		{name: "403 that says what it was told", credential: right(),
			setup: func(r *rig) {
				r.basic()
				r.on("HEAD 1 basic", status(http.StatusForbidden))
				r.on("GET 1 basic", func(w http.ResponseWriter, req *http.Request) {
					name, secret, _ := req.BasicAuth()
					refuse(w, http.StatusForbidden, "DENIED", strings.Repeat("word ", 40)+name+":"+secret+" "+req.Header.Get("Authorization")+" is not welcome")
				})
			},
			reason: pull.CredentialsRejected, detail: "robot:[REDACTED]", node: text,
			requests: "HEAD 1, HEAD 1 basic, GET 1 basic, GET 1, GET 1 basic"},
	}
}
