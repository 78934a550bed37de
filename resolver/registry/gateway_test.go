package registry

import (
	"net/http"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// TestProbeOnce is one bad answer among good ones: it proves nothing.
func TestProbeOnce(t *testing.T) {
	bad := map[string]http.HandlerFunc{
		"404":              status(http.StatusNotFound),
		"404 in words":     http.NotFound,
		"403":              status(http.StatusForbidden),
		"403 in JSON":      says(http.StatusForbidden, "application/json", `{"errors":[{"code":"DENIED","message":"no"}]}`),
		"401":              status(http.StatusUnauthorized),
		"200 with garbage": says(http.StatusOK, "application/vnd.oci.image.manifest.v1+json", "{garbage"),
		"200 of a portal":  says(http.StatusOK, "text/html", page),
	}
	for name, answer := range bad {
		for _, at := range []string{"HEAD 1", "GET @index", "GET @linux-amd64", "GET blob @linux-amd64.config", "GET blob @linux-amd64.layer"} {
			t.Run(name+" to "+at, func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				indexFor("linux/amd64")(r)
				r.once(at, answer)
				if finding := (row{layers: true}).probe(t, r, client(t, "")); finding.Reason.Verdict() == pull.Broken {
					t.Errorf("denied: %+v", finding)
				}
			})
		}
	}
}

// TestProbeGateway is what stands in front of a registry and answers for it.
func TestProbeGateway(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		mediaType  string
		body, want string
	}{
		"a mesh":         {http.StatusForbidden, "text/plain", "RBAC: access denied", "RBAC: access denied"},
		"a firewall":     {http.StatusForbidden, "text/plain", "error code: 1020", "1020"},
		"an API gateway": {http.StatusForbidden, "application/json", `{"message":"Forbidden"}`, "Forbidden"},
		"an allow-list": {http.StatusForbidden, "application/json",
			`{"errors":[{"code":"DENIED","message":"client with IP '192.0.2.7' is not allowed access"}]}`, "is not allowed access"},
		"a portal": {http.StatusUnauthorized, "text/html", page, "web page"},
	} {
		t.Run(name, row{
			setup: func(r *rig) {
				r.wrap(func(http.Handler) http.Handler { return says(tt.status, tt.mediaType, tt.body) })
			},
			reason: pull.RegistryError, detail: tt.want, requests: "HEAD 1, GET 1",
		}.run)
	}
}
