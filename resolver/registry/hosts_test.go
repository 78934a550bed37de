package registry

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
)

// mirrored is one line of the table: what mirror and upstream do, and what a
// Probe with such a hosts.toml says.
type mirrored struct {
	name             string
	toml             string // MIRROR and HOST stand for the two
	mirror, upstream func(r *rig)
	credential       pull.Credential
	byDigest         bool

	reason           pull.Reason
	detail           string
	toMirror, toHost string // the requests
}

const viaMirror = "server = \"http://HOST\"\n[host.\"http://MIRROR\"]\n"

// TestProbeMirrors is what hosts.toml makes of an image's host.
func TestProbeMirrors(t *testing.T) {
	for _, tt := range append(mirrors(), mirrorSettings()...) {
		t.Run(tt.name, func(t *testing.T) {
			mirror, upstream := newRig(t), newRig(t)
			desc := mirror.single("manifest", "1", "linux/amd64")
			upstream.single("manifest", "1", "linux/amd64")
			tt.mirror(mirror)
			tt.upstream(upstream)
			mirror.asked()
			upstream.asked()
			toml := strings.ReplaceAll(tt.toml, "MIRROR", mirror.host)
			c := client(t, upstream.certsDir(map[string]string{"HOST/hosts.toml": toml}))
			image := row{image: "app:1", credential: tt.credential}
			if tt.byDigest {
				image.image = "app@" + desc.Digest.String()
			}
			finding := image.probe(t, upstream, c)
			if finding.Reason != tt.reason || !strings.Contains(finding.Detail, tt.detail) {
				t.Errorf("%+v, want %s with %q", finding, tt.reason, tt.detail)
			}
			if asked := strings.Join(mirror.asked(), ", "); asked != tt.toMirror {
				t.Errorf("mirror was asked\n%s, want\n%s", asked, tt.toMirror)
			}
			if asked := strings.Join(upstream.asked(), ", "); asked != tt.toHost {
				t.Errorf("upstream was asked\n%s, want\n%s", asked, tt.toHost)
			}
		})
	}
}

// TestListOfHosts: of a list of directories only one of containerd's ways takes
// notice, so that only what fails by the other, too, is broken.
func TestListOfHosts(t *testing.T) {
	const elsewhere = "server = \"http://MIRROR\"\n"
	for _, tt := range []struct {
		name     string
		upstream func(*rig)
		list     bool
		runtimes pull.Runtimes
		want     pull.Reason
		noted    bool
	}{
		{"one directory", sound, false, 0, pull.TagNotFound, false},
		{"a list", sound, true, 0, pull.ReasonPullable, true},
		{"a list that changes nothing", gone, true, 0, pull.TagNotFound, false},
		{"a list, and nobody knows", answering(status(http.StatusTooManyRequests)), true, 0, pull.RateLimited, false},
		{"a list on an old containerd", sound, true, pull.ContainerdLocal, pull.TagNotFound, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mirror, upstream := newRig(t), newRig(t)
			upstream.single("manifest", "1", "linux/amd64")
			gone(mirror)
			tt.upstream(upstream)
			dir := upstream.certsDir(map[string]string{"HOST/hosts.toml": strings.ReplaceAll(elsewhere, "MIRROR", mirror.host)})
			if tt.list {
				dir = t.TempDir() + string(filepath.ListSeparator) + dir
			}
			finding := row{image: "app:1", runtimes: tt.runtimes}.probe(t, upstream, client(t, dir))
			if noted := len(finding.Notes) > 0 && finding.Notes[0].Reason == pull.SomeNodesMismatch; finding.Reason != tt.want || noted != tt.noted {
				t.Errorf("%+v, want %s, with a note: %t", finding, tt.want, tt.noted)
			}
		})
	}
}

// sound is a registry with nothing wrong.
func sound(*rig) {}

// answering makes a rig give one answer to all.
func answering(f http.HandlerFunc) func(r *rig) {
	return func(r *rig) { r.wrap(func(http.Handler) http.Handler { return f }) }
}

// gone is a registry without the image.
func gone(r *rig) {
	answering(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "unknown manifest")
	})(r)
}

// down is a registry that breaks every connection.
func down(r *rig) {
	answering(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })(r)
}

func mirrors() []mirrored {
	const whole = "HEAD 1, GET @manifest"
	return []mirrored{
		{name: "mirror first", toml: viaMirror, mirror: sound, upstream: down,
			reason: pull.ReasonPullable, toMirror: whole},
		{name: "mirror 404, upstream has it", toml: viaMirror, mirror: gone, upstream: sound,
			reason: pull.ReasonPullable, toMirror: whole, toHost: whole},
		{name: "both 404", toml: viaMirror, mirror: gone, upstream: gone,
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", toMirror: "HEAD 1, GET 1", toHost: "HEAD 1, GET 1"},
		{name: "mirror down, upstream has it", toml: viaMirror, mirror: down, upstream: sound,
			reason: pull.ReasonPullable, toMirror: whole, toHost: whole},
		{name: "mirror 404, upstream has a policy, whose words are asked for", toml: viaMirror, mirror: gone, upstream: blocked,
			reason: pull.RegistryError, detail: "answered 412 Precondition Failed (DENIED: blocked by policy)", toMirror: "HEAD 1", toHost: "HEAD 1, GET 1"},
		{name: "mirror down, upstream 404", toml: viaMirror, mirror: down, upstream: gone,
			reason: pull.RegistryUnreachable, detail: "EOF", toMirror: "HEAD 1", toHost: "HEAD 1"},
		{name: "mirror 500, upstream 404", toml: viaMirror, mirror: answering(status(http.StatusInternalServerError)), upstream: gone,
			reason: pull.RegistryError, detail: "answered 500", toMirror: "HEAD 1", toHost: "HEAD 1"},
		{name: "mirror 429, upstream 404", toml: viaMirror, mirror: answering(status(http.StatusTooManyRequests)), upstream: gone,
			reason: pull.RateLimited, detail: "answered 429", toMirror: "HEAD 1", toHost: "HEAD 1"},
		{name: "mirror 403, upstream has it", toml: viaMirror, mirror: answering(status(http.StatusForbidden)), upstream: sound,
			reason: pull.ReasonPullable, toMirror: "HEAD 1, GET 1, GET @manifest", toHost: whole},
		{name: "mirror 403, upstream 404", toml: viaMirror, mirror: answering(status(http.StatusForbidden)), upstream: gone,
			reason: pull.RegistryError, detail: "answered 403", toMirror: "HEAD 1, GET 1, GET 1, GET v2/", toHost: "HEAD 1"},
		{name: "mirror 404 of a gateway, upstream 404", toml: viaMirror, mirror: answering(http.NotFound), upstream: gone,
			reason: pull.RegistryError, detail: "404 page not found", toMirror: "HEAD 1, GET 1, GET tags", toHost: "HEAD 1"},
		{name: "mirror 403 in its own words, upstream 404", toml: viaMirror, upstream: gone, mirror: answering(func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusForbidden, "DENIED", "not yours")
		}),
			reason: pull.CredentialsRequired, detail: "(DENIED: not yours)", toMirror: "HEAD 1, GET 1, GET 1", toHost: "HEAD 1, GET 1"},
		{name: "mirror 401 for Basic, upstream 404", toml: viaMirror, mirror: func(r *rig) { r.basic() }, upstream: gone,
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", toMirror: "HEAD 1, GET 1", toHost: "HEAD 1, GET 1"},
		{name: "mirror has the manifest's HEAD alone", toml: viaMirror,
			mirror:   func(r *rig) { r.on("GET", status(http.StatusNotFound)) },
			upstream: sound,
			reason:   pull.ReasonPullable, toMirror: whole, toHost: "GET @manifest"},
		{name: "mirror has the manifest's HEAD alone, upstream is down", toml: viaMirror,
			mirror:   func(r *rig) { r.on("GET", status(http.StatusNotFound)) },
			upstream: answering(status(http.StatusBadGateway)),
			reason:   pull.RegistryError, detail: "answered 502", toMirror: whole, toHost: "GET @manifest"},
		{name: "mirror has the manifest's HEAD alone, upstream limits", toml: viaMirror,
			mirror:   func(r *rig) { r.on("GET", status(http.StatusNotFound)) },
			upstream: answering(status(http.StatusTooManyRequests)),
			reason:   pull.RateLimited, detail: "answered 429", toMirror: whole, toHost: "GET @manifest"},
		{name: "credentials are offered to the mirror", toml: viaMirror, credential: right(),
			mirror: func(r *rig) { r.basic() }, upstream: down,
			reason: pull.ReasonPullable, toMirror: "HEAD 1, HEAD 1 basic, GET @manifest basic"},
		{name: "a mirror's page", toml: viaMirror, mirror: answering(says(http.StatusOK, "text/html", page)), upstream: sound,
			reason: pull.RegistryError, detail: "answered with a web page", toMirror: "HEAD 1, GET 1"},
	}
}

func mirrorSettings() []mirrored {
	const whole = "HEAD 1, GET @manifest"
	ns := func(r *rig) {
		r.wrap(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if !strings.HasPrefix(req.URL.Query().Get("ns"), "127.0.0.1:") || req.Header.Get("X-From") != "node" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				next.ServeHTTP(w, req)
			})
		})
	}
	prefixed := func(r *rig) {
		r.wrap(func(next http.Handler) http.Handler { return http.StripPrefix("/api/proxy", next) })
	}
	headers := viaMirror + "[host.\"http://MIRROR\".header]\nX-From = \"node\"\n"
	return []mirrored{
		{name: "mirror without resolve: tag", toml: viaMirror + `capabilities = ["pull"]`, mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toMirror: "GET @manifest", toHost: "HEAD 1"},
		{name: "mirror without resolve: digest", toml: viaMirror + `capabilities = ["pull"]`, byDigest: true, mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toMirror: "HEAD @manifest, GET @manifest"},
		{name: "nobody resolves", toml: "server = \"http://HOST\"\ncapabilities = [\"pull\"]\n", mirror: sound, upstream: sound,
			reason: pull.RegistryError, detail: "no resolve hosts"},
		{name: "server set: the image's host is not asked", toml: `server = "http://MIRROR"`, mirror: sound, upstream: down,
			reason: pull.ReasonPullable, toMirror: whole},
		{name: "server not set: the image's host is last", toml: "[host.\"http://MIRROR\"]\n", mirror: gone, upstream: sound,
			reason: pull.ReasonPullable, toMirror: whole, toHost: whole},
		{name: "override_path", toml: "server = \"http://MIRROR/api/proxy/v2\"\noverride_path = true\n", mirror: prefixed, upstream: down,
			reason: pull.ReasonPullable, toMirror: whole},
		{name: "path", toml: `server = "http://MIRROR/api/proxy"`, mirror: prefixed, upstream: down,
			reason: pull.ReasonPullable, toMirror: whole},
		{name: "header and ns", toml: headers, mirror: ns, upstream: down,
			reason: pull.ReasonPullable, toMirror: whole},
		{name: "header and ns when asked again", toml: "server = \"http://MIRROR\"\n[header]\nX-From = \"node\"\n",
			mirror: func(r *rig) {
				gone(r)
				ns(r)
			}, upstream: down,
			reason: pull.TagNotFound, detail: "MANIFEST_UNKNOWN", toMirror: "HEAD 1, GET 1"},
		{name: "a file that cannot be parsed", toml: `server = `, mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toHost: whole},
		{name: "an unknown capability", toml: viaMirror + `capabilities = ["pull", "fly"]`, mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toHost: whole},
		{name: "an empty file", toml: "", mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toHost: whole},
		{name: "a server that is no host", toml: `server = "https://"`, mirror: sound, upstream: sound,
			reason: pull.ReasonPullable, toHost: whole},
	}
}

// TestHostsDirectories is which folder counts for a host.
func TestHostsDirectories(t *testing.T) {
	mirror, upstream := newRig(t), newRig(t)
	mirror.single("manifest", "1", "linux/amd64")
	upstream.single("manifest", "1", "linux/amd64")
	const to = `server = "http://MIRROR"`
	escaped := strings.ReplaceAll(upstream.host, ":", "_") + "_"
	for _, tt := range []struct {
		name   string
		files  map[string]string
		more   map[string]string // of a second root
		mirror bool
	}{
		{"none", nil, nil, false},
		{"the host", map[string]string{"HOST/hosts.toml": to}, nil, true},
		{"another host", map[string]string{"127.0.0.1:1/hosts.toml": to}, nil, false},
		{"the host with its port escaped", map[string]string{escaped + "/hosts.toml": to}, nil, true},
		{"the default", map[string]string{"_default/hosts.toml": to}, nil, true},
		{"the host before the default", map[string]string{"HOST/hosts.toml": "", "_default/hosts.toml": to}, nil, false},
		{"an empty folder before the default", map[string]string{"HOST/.keep": "", "_default/hosts.toml": to}, nil, false},
		{"a second root", nil, map[string]string{"HOST/hosts.toml": to}, true},
		{"the first root before the second", map[string]string{"HOST/hosts.toml": ""}, map[string]string{"HOST/hosts.toml": to}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			roots := make([]string, 0, 2)
			for _, files := range []map[string]string{tt.files, tt.more} {
				filled := map[string]string{}
				for name, content := range files {
					filled[name] = strings.ReplaceAll(content, "MIRROR", mirror.host)
				}
				roots = append(roots, upstream.certsDir(filled))
			}
			c := client(t, strings.Join(roots, string(os.PathListSeparator)))
			row{}.probe(t, upstream, c)
			if asked := len(mirror.asked()) > 0; asked != tt.mirror {
				t.Errorf("mirror asked: %t, want %t", asked, tt.mirror)
			}
			upstream.asked()
		})
	}
}

// TestHostsUnreadable makes sure that what cannot be read denies nothing.
func TestHostsUnreadable(t *testing.T) {
	r := newRig(t)
	r.single("manifest", "1", "linux/amd64")
	dir := r.certsDir(map[string]string{"HOST/hosts.toml/folder": ""})
	finding := row{}.probe(t, r, client(t, dir))
	if finding.Reason != pull.RegistryError || !strings.Contains(finding.Detail, "registry hosts: ") {
		t.Errorf("%+v, want %s", finding, pull.RegistryError)
	}
	finding = row{}.probe(t, r, client(t, filepath.Join(dir, "gone")))
	if finding.Reason != pull.ReasonPullable {
		t.Errorf("%+v, want %s", finding, pull.ReasonPullable)
	}
}

// blocked refuses by a policy that only GET puts into words.
func blocked(r *rig) {
	sound(r)
	r.on("HEAD 1", status(http.StatusPreconditionFailed))
	r.on("GET 1", says(http.StatusPreconditionFailed, "application/json", `{"errors":[{"code":"DENIED","message":"blocked by policy"}]}`))
}
